use crate::{edits, refuses};
use gantry_edit::format::Format::Hcl;

const MODULES: &str = "# é /* \"\nmodule \"api\" {\n  source    = \"./m\" // v1\n  image_tag = \"v1\" # v1\n}\n\nmodule \"web\" {\n  image_tag = \"v1\"\n}\n";

#[test]
fn strings_are_set() {
    let api = MODULES.replacen("= \"v1\" #", "= \"v2\" #", 1);
    let crlf = MODULES.replace('\n', "\r\n");
    let api_crlf = api.replace('\n', "\r\n");
    edits(
        Hcl,
        &[
            ("image_tag", "image_tag = \"v1\"", "v2", "image_tag = \"v2\""),
            ("module.api.image_tag", MODULES, "v2", &api),
            ("module.api.image_tag", &crlf, "v2", &api_crlf),
            (
                "locals.version",
                "locals {\n  a = 1\n}\nlocals {\n  version = \"v1\"\n}",
                "v2",
                "locals {\n  a = 1\n}\nlocals {\n  version = \"v2\"\n}",
            ),
            (
                "locals.version",
                "\u{feff}locals { version = \"v1\" }\n",
                "v2",
                "\u{feff}locals { version = \"v2\" }\n",
            ),
            (
                "variable.tag.default",
                "variable tag {\n  default = \"v1\"\n  type = string\n}\n",
                "v2",
                "variable tag {\n  default = \"v2\"\n  type = string\n}\n",
            ),
            (
                "resource.aws_ecs_task_definition.api.image",
                "resource \"aws_ecs_task_definition\" \"api\" {\n  image=\"a:v1\"\n  n = \"${a.b}-x\"\n}\n",
                "a:v2",
                "resource \"aws_ecs_task_definition\" \"api\" {\n  image=\"a:v2\"\n  n = \"${a.b}-x\"\n}\n",
            ),
            (
                "locals.images.api",
                "locals {\n  images = {\n    api = \"v1\", web = \"v1\"\n  }\n}\n",
                "v2",
                "locals {\n  images = {\n    api = \"v2\", web = \"v1\"\n  }\n}\n",
            ),
            (
                "locals.images.\"a.b\"",
                "locals {\n  images = { \"a.b\" : \"v1\" }\n}\n",
                "v2",
                "locals {\n  images = { \"a.b\" : \"v2\" }\n}\n",
            ),
            (
                "a[1].b",
                "a = [{ b = \"v1\" }, { b = \"v1\" }, x]\n",
                "v2",
                "a = [{ b = \"v1\" }, { b = \"v2\" }, x]\n",
            ),
            (
                "job.api.group.web.task.app.config.image",
                "job \"api\" {\n group \"web\" {\n task \"app\" {\n config {\n image = \"v1\"\n}\n}\n}\n}\n",
                "v2",
                "job \"api\" {\n group \"web\" {\n task \"app\" {\n config {\n image = \"v2\"\n}\n}\n}\n}\n",
            ),
            (
                "r.x.container[1].image",
                "r \"x\" {\n  container {\n    image = \"v1\"\n  }\n  container {\n    image = \"v1\"\n  }\n}\n",
                "v2",
                "r \"x\" {\n  container {\n    image = \"v1\"\n  }\n  container {\n    image = \"v2\"\n  }\n}\n",
            ),
            ("tag", "tag = \"\"\n", "v2", "tag = \"v2\"\n"),
            (
                "tag",
                "tag = \"v1\"\nuser_data = <<-EOT\n  tag = \"v1\"\n  EOT\nx = a ? \"b\" : f(1, [\"c\"]...)\n",
                "v2",
                "tag = \"v2\"\nuser_data = <<-EOT\n  tag = \"v1\"\n  EOT\nx = a ? \"b\" : f(1, [\"c\"]...)\n",
            ),
            ("tag", "tag = \"a\\u0041$${b}\"\n", "$${c}%{\"\\", "tag = \"$$${c}%%{\\\"\\\\\"\n"),
            (
                "tag",
                "a = [for x in y : \"${x}\" if x != \"v1\"]\ntag /* v1 */ = /* v1 */ \"v1\" /* v1 */\n",
                "v2",
                "a = [for x in y : \"${x}\" if x != \"v1\"]\ntag /* v1 */ = /* v1 */ \"v2\" /* v1 */\n",
            ),
            // Left as it is.
            ("tag", "tag = \"v\\u0032\"\r\n", "v2", "tag = \"v\\u0032\"\r\n"),
        ],
    );
}

#[test]
fn what_is_unsure_is_refused() {
    let twice = format!("{MODULES}module \"api\" {{\n  image_tag = \"v3\"\n}}\n");
    refuses(
        Hcl,
        &[
            ("tag", "tag = 5\n", "line 1, column 7: the value of `tag` is a number; put the value in quotes"),
            ("tag", "tag = true\n", "is a boolean"),
            ("tag", "tag = null\n", "is null"),
            ("tag", "tag = var.tag\n", "is an expression"),
            ("tag", "tag = (\"v1\")\n", "is an expression"),
            ("tag", "\ntag = \"${var.tag}\"\n", "line 2, column 7: the value of `tag` holds `${`"),
            ("tag", "tag = \"v%{ if a }1%{ endif }\"\n", "holds `${` or `%{`"),
            ("tag", "tag = <<EOT\nv1\nEOT\n", "is a heredoc"),
            ("tag", "tag = \"v\n1\"\n", "goes over several lines"),
            ("tag", "tag = [\"v1\"]\n", "is a list; name an item"),
            ("tag", "tag = { a = \"v1\" }\n", "is an object; name one of its keys"),
            ("module.api", MODULES, "line 2, column 1: the value of `module.api` is a block"),
            ("module.api.image_tag", &twice, "`module.api.image_tag` stands on lines 4 and 11"),
            (
                "container.image",
                "container {\n image = \"a\"\n}\ncontainer {\n image = \"b\"\n}\n",
                "stands on lines 2 and 5",
            ),
            (
                "container[2].image",
                "container {\n image = \"a\"\n}\ncontainer {\n image = \"b\"\n}\n",
                "nothing stands at",
            ),
            ("a.b", "a = { b = \"x\", \"b\" = \"y\" }\n", "`a.b` stands on line 1 (twice)"),
            ("a.b", "a = { b = \"x\", b = \"y\" }\n", "not valid HCL"),
            ("tag", "tag = \"a\"\ntag = \"b\"\n", "line 2, column 1: not valid HCL"),
            ("module.apo.image_tag", MODULES, "`module` has `api`, `web`"),
            ("module.api.tag", MODULES, "`module.api` has `source`, `image_tag`"),
            ("modul.api.tag", MODULES, "the file has `module`"),
            ("module", MODULES, "nothing stands at `module`: `module` has `api`, `web`"),
            ("locals.a.b", "locals {\n  a = merge({ b = \"v1\" }, {})\n}\n", "`locals.a` has no keys"),
            ("tag", "tag = \"v1\n", "not valid HCL"),
            ("tag", "tag = {{ tag }}\n", "not valid HCL"),
            ("tag", "tag = \"{{ tag }}\"\n", "is a template"),
            ("tag", "tag = \"v1\"\u{1}\n", "control character 0x01"),
            ("#3.tag", "tag = \"v1\"\n", "is sought in a later document"),
        ],
    );
}
