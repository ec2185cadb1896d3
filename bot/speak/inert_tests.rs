use proptest::prelude::*;

use super::*;

#[test]
fn a_line_is_one_line_and_hides_nothing() {
    assert_eq!(line("  a\r\n\tb\u{2028}c  "), "a b c");
    assert_eq!(line("pay\u{202e}gpj.exe\u{200b}\u{e0041}\u{ad}"), "paygpj.exe");
    assert_eq!(line("\u{1b}[31mred\u{7}"), "[31mred");
    assert_eq!(cut("abcdef", 4), "abc…");
    assert_eq!(cut("ab cdef", 3), "ab…");
    assert_eq!(cut("abcd", 4), "abcd");
    assert_eq!(cut("abc", 0), "");
}

#[test]
fn markdown_notifies_nobody_refers_to_nothing_and_formats_nothing() {
    for (hostile, inert) in [
        ("@alice", "@&#8203;alice"),
        ("mail me@example.com", "mail me@&#8203;example.com"),
        ("fixes #1", "fixes \\#&#8203;1"),
        ("closes shop/infra#12", "closes shop/infra\\#&#8203;12"),
        ("GH-1 and gh-2", "GH-&#8203;1 and gh-&#8203;2"),
        ("see !7 and ~bug", "see \\!&#8203;7 and \\~&#8203;bug"),
        ("https://example.com/issues/1", "https:&#8203;//example.com/issues/1"),
        ("www.example.com", "www.&#8203;example.com"),
        ("<img src=x onerror=y>", "&lt;img src=x onerror=y&gt;"),
        ("a | b `c` *d* _e_", "a \\| b \\`c\\` \\*d\\* \\_e\\_"),
        ("[x](javascript:y)", "\\[x\\]\\(javascript:y\\)"),
        ("&lt;b&gt;", "&amp;&#8203;lt;b&amp;&#8203;gt;"),
        ("/close", "&#47;close"),
        ("1. one", "1\\. one"),
        ("- item", "\\- item"),
        ("two\n\n# lines", "two \\# lines"),
        ("1.43.1", "1.43.1"),
    ] {
        assert_eq!(markdown(hostile), inert, "{hostile}");
    }
}

#[test]
fn code_is_for_plain_words_only() {
    assert_eq!(code("1.43.1"), "`1.43.1`");
    assert_eq!(
        code("registry.example.com/shop/checkout@sha256:ab"),
        "`registry.example.com/shop/checkout@sha256:ab`"
    );
    assert_eq!(code("a`b"), "a\\`b");
    assert_eq!(code(""), "");
}

#[test]
fn a_commit_message_mentions_and_closes_nothing() {
    for (hostile, inert) in [
        ("ask @alice", "ask @ alice"),
        ("me@example.com", "me@example.com"),
        ("fixes #1", "fixes # 1"),
        ("resolves GH-1", "resolves GH -1"),
        ("closes: https://example.com/issues/1", "closes: https: //example.com/issues/1"),
        ("see https://example.com/issues/1", "see https://example.com/issues/1"),
        ("[skip ci]", "(skip ci)"),
        ("one\n\nGantry-Rejects: x", "one Gantry-Rejects: x"),
    ] {
        assert_eq!(commit(hostile), inert, "{hostile}");
    }
}

#[test]
fn a_trailer_keeps_words_to_the_letter_and_makes_prose_inert() {
    assert_eq!(trailer("registry.example.com/a:1@sha256:00"), "registry.example.com/a:1@sha256:00");
    assert_eq!(trailer("main#12"), "main#12");
    assert_eq!(trailer("x fixes #1\nGantry-By: eve"), "x fixes # 1 Gantry-By: eve");
    assert_eq!(trailer("@alice"), "@ alice");
    let source = "bugfix-12 https://git.example.com/shop/@scope/checkout#readme";
    assert_eq!(trailer(source), source);
}

#[test]
fn only_web_addresses_become_links() {
    assert_eq!(
        http_url("https://ci.example.com/runs/7?a=b").as_deref(),
        Some("https://ci.example.com/runs/7?a=b")
    );
    assert_eq!(http_url("https://h.example/a)b").as_deref(), Some("https://h.example/a%29b"));
    for bad in [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://example.com",
        "//example.com",
        "https://user:secret@example.com/",
        "https://token@example.com/",
        "https://example.com/ x",
        "git@example.com:a/b",
        "",
    ] {
        assert_eq!(http_url(bad), None, "{bad}");
    }
}

#[test]
fn lines_are_cut_at_a_line() {
    assert_eq!(lines("a\r\nb\u{202e}\n", 100), ("a\nb\n".to_owned(), false));
    assert_eq!(lines("one\ntwo\nthree\n", 9), ("one\ntwo\n".to_owned(), true));
    assert_eq!(lines("ééé", 3), ("é".to_owned(), true));
}

/// Signs, words and spaces that attacks are made of.
fn hostile() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "@",
        "#",
        "1",
        "12",
        "a",
        "GH-",
        "gh",
        "-",
        "!",
        "~",
        "fixes",
        "closes",
        " ",
        "\n",
        "\r\n",
        "\u{2028}",
        "\u{202e}",
        "\u{200b}",
        "<",
        ">",
        "&",
        "|",
        "`",
        "```",
        "[",
        "]",
        "(",
        ")",
        "\\",
        "*",
        "_",
        "https",
        ":",
        "//",
        "www.",
        "/",
        "é",
        "…",
        "Gantry-Rejects: ",
        "\u{1b}",
        "$",
        "%",
        "^",
        "{{",
        "%}",
        "\"",
        "'",
        "\0",
    ]);
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

/// What a reader of the rendered markdown sees, with zero-width spaces left in.
fn rendered(markdown: &str) -> String {
    let mut out = String::new();
    let mut letters = markdown.chars().peekable();
    while let Some(c) = letters.next() {
        if c == '\\' && letters.peek().is_some_and(char::is_ascii_punctuation) {
            out.extend(letters.next());
        } else {
            out.push(c);
        }
    }
    for (entity, letter) in
        [("&lt;", "<"), ("&gt;", ">"), ("&#47;", "/"), ("&#8203;", "\u{200b}"), ("&amp;", "&")]
    {
        out = out.replace(entity, letter);
    }
    out
}

proptest! {
    #[test]
    fn a_line_stays_one_line(text in hostile()) {
        let line = line(&text);
        let bad = |c: char| c.is_control() || hidden(c) || "\u{2028}\u{2029}".contains(c);
        prop_assert!(!line.chars().any(bad), "{:?}", line);
        prop_assert_eq!(cut(&line, LONGEST), line);
    }

    #[test]
    fn a_cut_line_is_never_longer(text in hostile(), most in 0_usize..60) {
        prop_assert!(cut(&text, most).chars().count() <= most);
    }

    #[test]
    fn markdown_reads_as_it_was_written(text in hostile()) {
        let shown = rendered(&markdown(&text));
        prop_assert_eq!(shown.replace('\u{200b}', ""), line(&text));
    }

    #[test]
    fn no_reference_survives_in_markdown(text in hostile()) {
        let shown = rendered(&markdown(&text));
        let pattern = regex::Regex::new(r"(?i)[@#!~%$^&][\w/\[]|gh-\d|://|www\.\w").unwrap();
        prop_assert!(!pattern.is_match(&shown), "{}", shown);
        let marked = markdown(&text);
        prop_assert!(!marked.contains('<') && !marked.contains('>') && !marked.contains('\n'));
        // Every pipe and every backtick is escaped by an odd number of backslashes.
        for (at, c) in marked.char_indices().filter(|(_, c)| matches!(c, '|' | '`')) {
            let slashes = marked[..at].bytes().rev().take_while(|b| *b == b'\\').count();
            prop_assert!(slashes % 2 == 1, "{} at {}", c, at);
        }
    }

    #[test]
    fn no_reference_survives_in_a_commit(text in hostile()) {
        let shown = commit(&text);
        let pattern = regex::Regex::new(r"(?i)(^|[^\w/])@\w|#\d|!\d|gh-\d|\[|\n").unwrap();
        prop_assert!(!pattern.is_match(&shown), "{}", shown);
    }
}
