use crate::{edits, reason, refuses};
use gantry_edit::Reason;
use gantry_edit::format::Format::Toml;

#[test]
fn strings_are_set_in_their_own_style() {
    edits(
        Toml,
        &[
            ("tag", "tag = \"v1\"\n", "v2", "tag = \"v2\"\n"),
            ("tag", "tag = 'v1' # why\n", "v2", "tag = 'v2' # why\n"),
            ("tag", "tag='v1'", "v2", "tag='v2'"),
            ("tag", "\u{feff}tag\t=  \"v1\"  \r\nb = 1\r\n", "v2", "\u{feff}tag\t=  \"v2\"  \r\nb = 1\r\n"),
            ("tag", "tag = \"\"\"v1\"\"\"\n", "v2", "tag = \"\"\"v2\"\"\"\n"),
            ("tag", "tag = \"\"\"\r\nv1\"\"\"\r\n", "v2", "tag = \"\"\"\r\nv2\"\"\"\r\n"),
            ("tag", "tag = '''\nv1'''\n", "v2", "tag = '''\nv2'''\n"),
            ("tag", "tag = ''''''\n", "v2", "tag = '''v2'''\n"),
            ("tag", "tag = \"\"\n", "1.10", "tag = \"1.10\"\n"),
            ("tag", "tag = \"v1\\u0031\"\n", "a\"b\\c\u{1}", "tag = \"a\\\"b\\\\c\\u0001\"\n"),
            ("a.b.tag", "[a]\nx = 1\n[a.b]\ntag = 'v1'\n", "v2", "[a]\nx = 1\n[a.b]\ntag = 'v2'\n"),
            ("a.b.tag", "a.b.tag = 'v1'\na.b.x = 'v1'\n", "v2", "a.b.tag = 'v2'\na.b.x = 'v1'\n"),
            ("a.b.tag", "a = { b = { x = 'v1', tag = 'v1' } }", "v2", "a = { b = { x = 'v1', tag = 'v2' } }"),
            (
                "a[1].tag",
                "[[a]]\ntag = 'v1'\n[[a]]\ntag = 'v1'\n",
                "v2",
                "[[a]]\ntag = 'v1'\n[[a]]\ntag = 'v2'\n",
            ),
            ("a[1]", "a = [\n  'x', # x\n  'v1', # é\n]\n", "v2", "a = [\n  'x', # x\n  'v2', # é\n]\n"),
            ("a[0][0].t", "a = [[{t = 'v1'}], []]\n", "v2", "a = [[{t = 'v2'}], []]\n"),
            ("\"a.b\".\"c d\"", "[\"a.b\"]\n'c d' = 'v1'\n", "v2", "[\"a.b\"]\n'c d' = 'v2'\n"),
            ("\"\"", "\"\" = 'v1'\n", "v2", "\"\" = 'v2'\n"),
            (
                "tag",
                "d = 1979-05-27T07:32:00Z\nf = nan\ni = 0x1F\ntag = 'v1'\nb = true\n",
                "v2",
                "d = 1979-05-27T07:32:00Z\nf = nan\ni = 0x1F\ntag = 'v2'\nb = true\n",
            ),
            // Left as it is, also where another way to write it is usual.
            ("tag", "tag = \"v\\u0032\"\r\n", "v2", "tag = \"v\\u0032\"\r\n"),
            ("tag", "tag = \"\"\"\\\n   v2\"\"\"\n", "v2", "tag = \"\"\"\\\n   v2\"\"\"\n"),
            ("image", "image = \"registry:5000/a/b:v1@sha256:00\"", "c:v2", "image = \"c:v2\""),
        ],
    );
}

#[test]
fn what_is_unsure_is_refused() {
    refuses(
        Toml,
        &[
            (
                "tag",
                "tag = 5\n",
                "line 1, column 7: the value of `tag` is an integer; put the value in quotes",
            ),
            ("tag", "tag = 1.10\n", "is a float"),
            ("tag", "tag = true\n", "is a boolean"),
            ("tag", "\ntag = 2024-01-01\n", "line 2, column 7: the value of `tag` is a date"),
            ("a", "[a]\nb = 'x'\n", "is a table; name one of its keys"),
            ("a", "[[a]]\nb = 'x'\n", "is a list; name an item"),
            ("a", "a = ['x']\n", "is a list; name an item"),
            ("a.tog", "[a]\ntag = 'x'\n", "nothing stands at `a.tog`: `a` has `tag`"),
            ("b.tag", "[a]\ntag = 'x'\n", "nothing stands at `b.tag`: the file has `a`"),
            ("a[2]", "a = ['x', 'y']\n", "`a` has `[0]`, `[1]`"),
            ("a.b.c", "[a]\nb = 'x'\n", "`a.b` has no keys"),
            ("tag", "tag = 'v1'\ntag = 'v1'\n", "line 2, column 1: not valid TOML: duplicate key"),
            ("tag", "tag = v1\n", "line 1, column 7: not valid TOML:"),
            ("tag", "tag = 'v1\n", "not valid TOML:"),
            ("tag", "tag = '{{ tag }}'\n", "is a template"),
            ("#2.tag", "tag = 'v1'\n", "is sought in a later document"),
            ("tag", "tag = 'v1'\0\n", "line 1, column 11: not valid TOML: control character 0x00"),
            ("tag", "tag = 'v1'\rb = 1\n", "control character 0x0d"),
        ],
    );
    let key = "tag".parse().unwrap();
    assert_eq!(reason(Toml.find(b"tag = '\xff'", &key)), Reason::NotUtf8);
    let quote = reason(Toml.set(b"tag = 'v1'", &key, "it's"));
    assert!(matches!(quote, Reason::InvalidValue { .. }), "{quote:?}");
    let quote = reason(Toml.set(b"tag = '''v1'''", &key, "a\nb"));
    assert!(matches!(quote, Reason::InvalidValue { .. }), "{quote:?}");
}
