//! The kind of a file, by its name and what stands in it.

use crate::document::kind_of;
use crate::format::Format;
use crate::kind::Kind;
use crate::syntax::Tree;
use crate::{compose, markers};

/// The kind of a file by its path, with `/` between folders, and its bytes; `None` where neither tells.
#[must_use]
pub fn detect(path: &str, bytes: &[u8]) -> Option<Kind> {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name {
        // The names that kustomize looks for (`konfig.RecognizedKustomizationFileNames`).
        "kustomization.yaml" | "kustomization.yml" | "Kustomization" => return Some(Kind::Kustomization),
        "Chart.yaml" | "Chart.yml" | "requirements.yaml" => return Some(Kind::Chart),
        _ if name.starts_with(".argocd-source") => return Some(Kind::ArgocdSource),
        _ => {}
    }
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    match extension {
        "yaml" | "yml" | "json" => {}
        _ => {
            return Format::detect(path).map(|format| match format {
                Format::Toml => Kind::Toml,
                Format::Dotenv => Kind::Dotenv,
                Format::Hcl => Kind::Hcl,
            });
        }
    }
    let compose =
        |name: &str| stem == name || stem.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', '-']));
    let compose = compose("compose") || compose("docker-compose");
    // A file that cannot be read tells why when it is read as what its name says.
    let Ok(tree) = Tree::parse(bytes) else { return compose.then_some(Kind::Compose) };
    if let Some(kind) = kind_of(&tree) {
        return Some(kind);
    }
    // `compose-values.yaml` and `compose-deployment.yaml` may be of an application of that name.
    let services = || tree.roots().any(|root| matches!(tree.get(root, "services"), Err(_) | Ok(Some(_))));
    match extension {
        _ if compose && (!stem.contains("compose-") || services()) => Some(Kind::Compose),
        "json" => Some(Kind::Json),
        _ if compose::is_compose(&tree) => Some(Kind::Compose),
        _ if markers::has_any(&tree) => Some(Kind::Markers),
        _ => Some(Kind::HelmValues),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_compose_in_it_is_not_yet_a_compose_file() {
        let services = "services: {web: {image: 'a/b:1'}}\n";
        let pod = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: 'a/b:1'}]}\n";
        let values = "image: {repository: a/b, tag: '1'}\n";
        for (path, text, wanted) in [
            ("compose.yaml", services, Kind::Compose),
            ("compose.yaml", "volumes: {}\n", Kind::Compose),
            ("compose.yaml", "a: [\n", Kind::Compose),
            ("x/compose.override.yml", "x-a: &a {image: 'a/b:1'}\n", Kind::Compose),
            ("docker-compose-prod.yml", services, Kind::Compose),
            ("docker-compose-prod.yml", "services: {}\nservices: {}\n", Kind::Compose),
            ("compose-deployment.yaml", pod, Kind::Manifest),
            ("compose-values.yaml", values, Kind::HelmValues),
            ("composer.yaml", values, Kind::HelmValues),
        ] {
            assert_eq!(detect(path, text.as_bytes()), Some(wanted), "{path}: {text}");
        }
        assert_eq!(detect("values.yaml", b"a: ["), None);
    }
}
