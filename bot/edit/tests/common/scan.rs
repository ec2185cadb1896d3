//! A second look at a file that knows nothing of the crate: lines whose text looks like a version reference.
//!
//! It scans lines, not YAML, so it sees into templates, texts in texts and files that do not parse; it is
//! wide on purpose, and what it finds beyond the crate's references is a list for people to judge.

/// A line that looks as if a version stood on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sight {
    /// The line, from 1.
    pub(crate) line: usize,
    /// What made it look so.
    pub(crate) group: &'static str,
    /// The value.
    pub(crate) value: String,
}

/// Every such line outside of comments.
pub(crate) fn scan(text: &str) -> Vec<Sight> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let bare = line.trim_start_matches([' ', '\t', '-']).trim_end();
        if bare.starts_with('#') || bare.starts_with("//") {
            continue;
        }
        let mut see = |group, value: &str| {
            found.push(Sight { line: at + 1, group, value: value.to_owned() });
        };
        let pairs = pairs(bare);
        let mut known = false;
        for (key, value) in &pairs {
            if let Some(group) = by_key(key, value, &lines, at) {
                see(group, value);
                known = true;
            }
        }
        if !known {
            for word in words(bare) {
                if is_full_reference(word) {
                    see("a registry's NAME:TAG elsewhere", word);
                } else if word.contains("?ref=") || word.contains("&ref=") {
                    see("?ref=", word);
                }
            }
        }
    }
    found
}

/// `key: value` pairs of a line, several in flow style.
fn pairs(line: &str) -> Vec<(&str, &str)> {
    let inner = line.trim_start_matches(['{', '[', ' ']);
    let flow = inner.len() < line.len() || line.contains(": {");
    let parts: Vec<&str> = if flow { line.split(['{', ',', '}']).collect() } else { vec![line] };
    let mut found = Vec::new();
    for part in parts {
        let Some((key, value)) = part.trim().split_once(':') else { continue };
        let key = key.trim().trim_matches(['"', '\'']);
        if !value.is_empty() && !value.starts_with([' ', '\t']) {
            continue;
        }
        let named = !key.is_empty()
            && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/'));
        if named {
            found.push((key, plain(value)));
        }
    }
    found
}

/// The value without anchor, quotes and comment.
fn plain(value: &str) -> &str {
    let mut value = value.trim();
    if let Some(rest) = value.strip_prefix('&') {
        value = rest.split_once(' ').map_or("", |(_, rest)| rest).trim();
    }
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or_default();
        }
    }
    value.split(" #").next().unwrap_or_default().trim_end()
}

fn by_key(key: &str, value: &str, lines: &[&str], at: usize) -> Option<&'static str> {
    let written =
        !value.is_empty() && !matches!(value, "~" | "null" | "true" | "false" | "{}" | "[]" | "|" | ">");
    if !written || value.starts_with('*') {
        return None;
    }
    let lower = key.to_ascii_lowercase();
    let reference = |value: &str| {
        !value.contains("://")
            && !value.contains(' ')
            && !value.starts_with(['/', '.', '@'])
            && value.contains(['/', ':', '@'])
            && value.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:@${}()+".contains(c))
            && !value.ends_with([':', '/'])
    };
    let templated = value.contains("{{") || value.contains("${") || value.contains("$(");
    match lower.as_str() {
        "image" => Some("`image:`"),
        "repository" if !value.contains("://") => Some("`repository:`"),
        "newtag" => Some("`newTag:`"),
        "newname" => Some("`newName:`"),
        "targetrevision" => Some("`targetRevision:`"),
        "digest" | "sha" if value.len() >= 32 => Some("`digest:`"),
        "tag" | "imagetag" => Some(match above(lines, at).as_deref() {
            Some("ref") => "`ref.tag:`",
            _ => "`tag:`",
        }),
        "branch" | "semver" | "commit" if above(lines, at).as_deref() == Some("ref") => Some("`ref.*:`"),
        "version" if beside(lines, at, &["chart", "repository", "releaseName"]) => {
            Some("a chart's `version:`")
        }
        "ref" if value.contains(['.', '/']) || value.len() == 40 => Some("`ref:`"),
        _ if lower.ends_with("image") && (reference(value) || templated) => {
            Some("a key that ends in `image`")
        }
        _ if lower.ends_with("tag") && value.contains(|c: char| c.is_ascii_digit()) => {
            Some("a key that ends in `tag`")
        }
        _ if value.contains("?ref=") => Some("?ref="),
        _ if is_full_reference(value) => Some("a registry's NAME:TAG under another key"),
        _ => None,
    }
}

/// The key of the nearest line above with less indentation.
fn above(lines: &[&str], at: usize) -> Option<String> {
    let depth = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
    let here = depth(lines[at]);
    let line = lines[..at].iter().rev().find(|line| !line.trim().is_empty() && depth(line) < here)?;
    Some(line.trim_start_matches([' ', '-']).split(':').next()?.to_owned())
}

/// Whether one of the keys stands in the same run of lines of the same indentation.
fn beside(lines: &[&str], at: usize, keys: &[&str]) -> bool {
    let depth = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
    let here = depth(lines[at]);
    let same = |line: &&&str| line.trim().is_empty() || depth(line) >= here;
    let key = |line: &&str| {
        let name = line.trim_start_matches([' ', '-']).split(':').next().unwrap_or_default();
        depth(line) == here && keys.contains(&name)
    };
    // Up to and with the line that starts the list item, down to the next one.
    let starts = |line: &&str| line.trim_start().starts_with("- ");
    let mut up = false;
    for line in lines[..=at].iter().rev().take_while(same) {
        up |= key(line);
        if starts(line) {
            break;
        }
    }
    up || lines[at + 1..].iter().take_while(same).take_while(|line| !starts(line)).any(key)
}

/// Words between blanks, quotes, commas and `=`.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split([' ', '"', '\'', ',', '`', '(', ')', '[', ']']).flat_map(|word| {
        let value = word.rsplit_once('=').filter(|(before, _)| !before.contains("?ref"));
        [value.map_or(word, |(_, value)| value)]
    })
}

/// `HOST.TLD[:PORT]/PATH:TAG` or with a digest.
fn is_full_reference(word: &str) -> bool {
    let word = word.trim_matches(['"', '\'', ';']);
    let Some((host, path)) = word.split_once('/') else { return false };
    let Some((name, tag)) = path.rsplit_once([':', '@']) else { return false };
    let host_name = host.split(':').next().unwrap_or_default();
    host_name.contains('.')
        && host_name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        && !host_name.starts_with('.')
        && !name.is_empty()
        && !name.starts_with('/')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-/:@".contains(&b))
        && !tag.is_empty()
        && tag.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[test]
fn the_scan_sees_what_people_would() {
    let text = "\
# image: a/b:1
image: a/b:1
x: {image: {repository: a/b, tag: v1}}
newTag: \"1\"
args: [--sidecar=registry.example.com/a/b:1]
resources:
- https://git.example.com/a/b?ref=v1
chart: shop
version: 1.2.3
version: 2
";
    let seen: Vec<(usize, &str)> = scan(text).into_iter().map(|sight| (sight.line, sight.group)).collect();
    let elsewhere = "a registry's NAME:TAG elsewhere";
    let chart = "a chart's `version:`";
    let wanted = [
        (2, "`image:`"),
        (3, "`repository:`"),
        (3, "`tag:`"),
        (4, "`newTag:`"),
        (5, elsewhere),
        (7, "?ref="),
        (9, chart),
        (10, chart),
    ];
    assert_eq!(seen, wanted);
}
