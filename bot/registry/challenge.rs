//! Reads `WWW-Authenticate` (RFC 9110 11.6.1): what a registry wants before it answers.

/// Headers longer than this are not read.
const LONGEST: usize = 8 * 1024;
/// Challenges after these are not read.
const MOST: usize = 16;

/// One challenge: a scheme in lower case and its parameters, names in lower case.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) scheme: String,
    params: Vec<(String, String)>,
}

impl Challenge {
    /// The first parameter of that name (lower case).
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// All challenges of all headers, in order. What cannot be read ends its header; what stood before it is
/// kept.
pub(crate) fn challenges<'a>(headers: impl Iterator<Item = &'a str>) -> Vec<Challenge> {
    let mut found = Vec::new();
    for header in headers.filter(|h| h.len() <= LONGEST) {
        Reader(header).read(&mut found);
    }
    found.truncate(MOST);
    found
}

struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn read(&mut self, found: &mut Vec<Challenge>) {
        loop {
            self.skip(|b| b == b',' || blank(b));
            let Some(word) = self.token() else { return };
            let rest = self.0;
            self.skip(blank);
            // `name = value` belongs to the challenge before it; a word alone opens the next one.
            if self.0.starts_with('=') && !self.0[1..].trim_start_matches('=').is_empty() {
                self.0 = &self.0[1..];
                self.skip(blank);
                let Some(value) = self.value() else { return };
                if let Some(last) = found.last_mut() {
                    last.params.push((word.to_ascii_lowercase(), value));
                }
            } else {
                self.0 = rest;
                found.push(Challenge { scheme: word.to_ascii_lowercase(), params: Vec::new() });
                self.token68();
            }
        }
    }

    /// The credentials form without names (`Negotiate abc==`) says nothing to us: skipped.
    fn token68(&mut self) {
        let before = self.0;
        self.skip(blank);
        let end = self.0.find(|c: char| !token68_char(c)).unwrap_or(self.0.len());
        let (text, rest) = self.0.split_at(end);
        let after = rest.trim_start_matches('=');
        let closed = after.trim_start().is_empty() || after.trim_start().starts_with(',');
        // `realm="x"` and a next scheme both begin like one, but go on otherwise.
        self.0 = if !text.is_empty() && closed && (rest.len() > after.len() || before != self.0) {
            after
        } else {
            before
        };
    }

    fn skip(&mut self, what: impl Fn(u8) -> bool) {
        let end = self.0.bytes().position(|b| !what(b)).unwrap_or(self.0.len());
        self.0 = &self.0[end..];
    }

    fn token(&mut self) -> Option<&'a str> {
        let end = self.0.bytes().position(|b| !token_byte(b)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    fn value(&mut self) -> Option<String> {
        let Some(quoted) = self.0.strip_prefix('"') else {
            // Strictly a token; some registries leave the quotes of a URL out, so read to the comma.
            let end = self.0.find(',').unwrap_or(self.0.len());
            let (value, rest) = self.0.split_at(end);
            self.0 = rest;
            return Some(value.trim().to_owned());
        };
        let mut text = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.0 = &quoted[at + 1..];
                    return Some(text);
                }
                '\\' => text.push(chars.next()?.1),
                _ => text.push(c),
            }
        }
        None
    }
}

fn blank(b: u8) -> bool {
    b == b' ' || b == b'\t'
}

fn token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

fn token68_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~+/".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[&str]) -> Vec<String> {
        let show = |c: Challenge| {
            let params: Vec<String> = c.params.iter().map(|(n, v)| format!("{n}={v}")).collect();
            format!("{}[{}]", c.scheme, params.join("; "))
        };
        challenges(headers.iter().copied()).into_iter().map(show).collect()
    }

    #[test]
    fn challenges_as_registries_send_them() {
        assert_eq!(read(&["Basic realm=\"r\""]), ["basic[realm=r]"]);
        assert_eq!(
            read(&[r#"Bearer realm="https://a.io/t?x=1,2",service="r.io",scope="repository:a/b:pull,push""#]),
            ["bearer[realm=https://a.io/t?x=1,2; service=r.io; scope=repository:a/b:pull,push]"]
        );
        assert_eq!(
            read(&["Bearer realm=\"x\" , error=invalid_token,Basic realm=\"a \\\"b\\\"\", Basic"]),
            ["bearer[realm=x; error=invalid_token]", "basic[realm=a \"b\"]", "basic[]"]
        );
        assert_eq!(read(&["Negotiate", "BEARER Realm=x"]), ["negotiate[]", "bearer[realm=x]"]);
        assert_eq!(read(&["Negotiate abc==, Bearer realm = \"x\""]), ["negotiate[]", "bearer[realm=x]"]);
        assert_eq!(read(&["NTLM abc, Basic realm=r"]), ["ntlm[]", "basic[realm=r]"]);
        assert_eq!(
            read(&["Bearer realm=https://a.io/t,service=r.io"]),
            ["bearer[realm=https://a.io/t; service=r.io]"]
        );
    }

    #[test]
    fn what_cannot_be_read_ends_quietly() {
        for bad in ["", ",,,", "=", "\"", "Bearer realm=\"open", "Bearer realm=\"x\\", "é", "a=b"] {
            for challenge in challenges([bad].into_iter()) {
                assert_eq!(challenge.param("realm"), None, "{bad}");
            }
        }
        assert!(challenges([&*"a,".repeat(5000)].into_iter()).is_empty());
        assert_eq!(challenges([&*"a,".repeat(1000)].into_iter()).len(), MOST);
    }

    proptest::proptest! {
        #[test]
        fn no_header_can_stop_it(text in "(?s)([a-zA-Z=\",\\\\ é]|Bearer |realm=){0,60}") {
            challenges([&*text].into_iter());
        }

        #[test]
        fn what_is_quoted_is_read_back(value in "[ -~]{0,40}") {
            let quoted = value.replace('\\', r"\\").replace('"', "\\\"");
            let header = format!("Basic realm=x, Bearer realm=\"{quoted}\", service=s");
            let found = challenges([&*header].into_iter());
            assert_eq!(found[1].param("realm"), Some(&*value));
            assert_eq!(found[1].param("service"), Some("s"));
        }
    }
}
