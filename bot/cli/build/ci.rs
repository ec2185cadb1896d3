//! What CI systems say of a run in their environment variables.
//!
//! Sources: each system's reference of predefined variables (GitHub Actions "Default environment variables",
//! GitLab "Predefined CI/CD variables", Jenkins "Using environment variables" and its Git plugin, CircleCI
//! "Built-in environment variables", Bitbucket "Variables and secrets").

/// Where a variable comes from: the environment in production, a list in tests.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) revision: Option<String>,
    pub(super) source: Option<String>,
    pub(super) url: Option<String>,
}

/// Reads the variables of the system that this process runs under; empty under none of them.
pub(super) fn detect(variables: Variables<'_>) -> Run {
    let get = |name: &str| variables(name).filter(|text| !text.is_empty());
    let run = if get("GITHUB_ACTIONS").is_some() {
        let source = get("GITHUB_SERVER_URL")
            .zip(get("GITHUB_REPOSITORY"))
            .map(|(server, repository)| format!("{server}/{repository}"));
        let url = source.as_ref().zip(get("GITHUB_RUN_ID"));
        let url = url.map(|(source, run)| format!("{source}/actions/runs/{run}"));
        Run { revision: get("GITHUB_SHA"), source, url }
    } else if get("GITLAB_CI").is_some() {
        Run { revision: get("CI_COMMIT_SHA"), source: get("CI_PROJECT_URL"), url: get("CI_JOB_URL") }
    } else if get("JENKINS_URL").is_some() {
        Run { revision: get("GIT_COMMIT"), source: get("GIT_URL"), url: get("BUILD_URL") }
    } else if get("CIRCLECI").is_some() {
        let source = get("CIRCLE_REPOSITORY_URL");
        Run { revision: get("CIRCLE_SHA1"), source, url: get("CIRCLE_BUILD_URL") }
    } else if let Some(number) = get("BITBUCKET_BUILD_NUMBER") {
        let source = get("BITBUCKET_GIT_HTTP_ORIGIN").and_then(|url| page(&url));
        let url = source.as_ref().map(|source| format!("{source}/pipelines/results/{number}"));
        Run { revision: get("BITBUCKET_COMMIT"), source, url }
    } else {
        Run::default()
    };
    Run { source: run.source.and_then(|url| page(&url)), ..run }
}

/// The page of a repository by the URL that it is cloned by: https, without password and `.git`. None where
/// that can't be told; nothing is better than a URL with a password in it.
fn page(clone: &str) -> Option<String> {
    let text = match clone.split_once('@') {
        // git@host:group/name.git
        Some((user, rest)) if !user.contains(['/', ':']) => {
            format!("https://{}", rest.replacen(':', "/", 1))
        }
        _ => clone.replacen("ssh://", "https://", 1),
    };
    let mut url: url::Url = text.parse().ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    if clone.starts_with("ssh://") {
        url.set_port(None).ok()?;
    }
    let text = url.as_str().trim_end_matches('/');
    Some(text.strip_suffix(".git").unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pairs: &[(&str, &str)]) -> [Option<String>; 3] {
        let get = |name: &str| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        let Run { revision, source, url } = detect(&get);
        [revision, source, url]
    }

    fn some(texts: [&str; 3]) -> [Option<String>; 3] {
        texts.map(|text| Some(text.to_owned()))
    }

    #[test]
    fn each_system_is_read() {
        let github = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "shop/checkout"),
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_SHA", "abc"),
        ];
        let source = "https://github.com/shop/checkout";
        assert_eq!(run(&github), some(["abc", source, "https://github.com/shop/checkout/actions/runs/7"]));
        let gitlab = [
            ("GITLAB_CI", "true"),
            ("CI_COMMIT_SHA", "abc"),
            ("CI_PROJECT_URL", "https://gl.example/shop/checkout"),
            ("CI_JOB_URL", "https://gl.example/shop/checkout/-/jobs/7"),
        ];
        let gl = "https://gl.example/shop/checkout";
        assert_eq!(run(&gitlab), some(["abc", gl, "https://gl.example/shop/checkout/-/jobs/7"]));
        let jenkins = [
            ("JENKINS_URL", "https://j.example/"),
            ("GIT_COMMIT", "abc"),
            ("GIT_URL", "https://bot:secret@git.example/shop/checkout.git"),
            ("BUILD_URL", "https://j.example/job/checkout/7/"),
        ];
        let page = "https://git.example/shop/checkout";
        assert_eq!(run(&jenkins), some(["abc", page, "https://j.example/job/checkout/7/"]));
        let circle = [
            ("CIRCLECI", "true"),
            ("CIRCLE_SHA1", "abc"),
            ("CIRCLE_REPOSITORY_URL", "git@git.example:shop/checkout.git"),
            ("CIRCLE_BUILD_URL", "https://c.example/7"),
        ];
        assert_eq!(run(&circle), some(["abc", page, "https://c.example/7"]));
        let bitbucket = [
            ("BITBUCKET_BUILD_NUMBER", "7"),
            ("BITBUCKET_COMMIT", "abc"),
            ("BITBUCKET_GIT_HTTP_ORIGIN", "http://git.example/shop/checkout"),
        ];
        let [_, source, url] = run(&bitbucket);
        assert_eq!(source.as_deref(), Some("http://git.example/shop/checkout"));
        assert_eq!(url.as_deref(), Some("http://git.example/shop/checkout/pipelines/results/7"));
        assert_eq!(run(&[("GIT_COMMIT", "abc")]), [None, None, None]);
    }

    #[test]
    fn a_password_in_a_url_goes_no_further() {
        for (clone, expected) in [
            ("https://u:p@h.example/a.git", Some("https://h.example/a")),
            ("ssh://git@h.example:2222/a/b.git", Some("https://h.example/a/b")),
            ("git@h.example:a/b", Some("https://h.example/a/b")),
            ("file:///srv/a.git", None),
            ("nonsense", None),
        ] {
            assert_eq!(page(clone).as_deref(), expected, "{clone}");
        }
    }
}
