use crate::{edits, reason, refuses};
use gantry_edit::Reason;
use gantry_edit::format::Format::Dotenv;

#[test]
fn values_are_set_in_their_own_style() {
    edits(
        Dotenv,
        &[
            ("TAG", "TAG=v1\n", "v2", "TAG=v2\n"),
            ("TAG", "TAG=v1", "1.10", "TAG=1.10"),
            ("TAG", "A=v1\nTAG=v1\nB=v1\n", "v2", "A=v1\nTAG=v2\nB=v1\n"),
            ("TAG", "\u{feff}TAG=v1  \r\nB=\r\n", "v2", "\u{feff}TAG=v2  \r\nB=\r\n"),
            ("TAG", "export TAG='v1'  # why\n", "v2", "export TAG='v2'  # why\n"),
            ("TAG", "  export\t TAG=\"v1\"\t#'\"\n", "v2", "  export\t TAG=\"v2\"\t#'\"\n"),
            ("TAG", "TAG=v1 # not v1\n", "v2", "TAG=v2 # not v1\n"),
            ("TAG", "TAG = v1\n", "v2", "TAG = v2\n"),
            ("TAG", "TAG=\nB=1\n", "v2", "TAG=v2\nB=1\n"),
            ("TAG", "TAG= # none yet\n", "v2", "TAG=v2 # none yet\n"),
            ("TAG", "TAG=''\n", "v2", "TAG='v2'\n"),
            ("TAG", "TAG='$1 \"a\"'\n", "a$b", "TAG='a$b'\n"),
            (
                "IMAGE",
                "IMAGE=r.example.com:5000/a/b:v1@sha256:00\n",
                "a:v2@sha256:11",
                "IMAGE=a:v2@sha256:11\n",
            ),
            ("\"my.key\"", "my.key=v1\n", "v2", "my.key=v2\n"),
            ("TAG", "# TAG=v0\nMSG=\"two\nlines\"\nTAG=v1\n", "v2", "# TAG=v0\nMSG=\"two\nlines\"\nTAG=v2\n"),
            (
                "TAG",
                "A=$B\nC=\"${D} \\\" e\"\nF=it's\nG=a b # c\nH\nTAG=v1\n",
                "v2",
                "A=$B\nC=\"${D} \\\" e\"\nF=it's\nG=a b # c\nH\nTAG=v2\n",
            ),
            ("export", "export=v1\n", "v2", "export=v2\n"),
            // Left as it is.
            ("TAG", "TAG=\"v2\"\r\n", "v2", "TAG=\"v2\"\r\n"),
        ],
    );
}

#[test]
fn what_readers_differ_on_is_refused() {
    refuses(
        Dotenv,
        &[
            (
                "TAG",
                "A=1\n\nTAG=${VERSION}\n",
                "line 3, column 5: the value of `TAG` may refer to another variable",
            ),
            ("TAG", "TAG=\"v$X\"\n", "may refer to another variable"),
            ("TAG", "TAG=\"v\\n\"\n", "has an escape"),
            ("TAG", "TAG=a b\n", "holds a blank"),
            ("TAG", "TAG=a#b\n", "holds a `#`"),
            ("TAG", "TAG=#b\n", "holds a `#`"),
            ("TAG", "TAG=a\"b\"\n", "holds a character"),
            ("TAG", "TAG=a;b\n", "holds a character"),
            ("TAG", "TAG='a'b\n", "has text behind its closing quote"),
            ("TAG", "TAG='a'#b\n", "has text behind its closing quote"),
            ("TAG", "TAG='it\\'s'\n", "has text behind its closing quote"),
            ("TAG", "TAG='a\\'\n", "ends in `\\`"),
            ("TAG", "TAG=`v1`\n", "is in backquotes"),
            ("TAG", "TAG='a\nb'\n", "goes over several lines"),
            ("TAG", "export TAG\n", "line 1, column 8: the value of `TAG` is taken from the environment"),
            ("TAG", "TAG=v1\nB=1\nexport TAG='v1'\n", "line 1, column 1: `TAG` stands on lines 1 and 3"),
            ("TAG", "A='x\nTAG=v0\n'\nTAG=v1\n", "`TAG` stands on lines 2 and 4"),
            ("TAG", "A='x\n export TAG = v0\n'\nTAG=v1\n", "`TAG` stands on lines 2 and 4"),
            ("TAG", "TOG=v1\n", "nothing stands at `TAG`: the file has `TOG`"),
            ("TAG", "", "the file has no keys"),
            ("a.b", "a=1\n", "is sought by a path"),
            ("a[0]", "a=1\n", "is sought by a path"),
            ("TAG", "TAG=v1\nsome words\n", "line 2, column 6: not valid dotenv: a line is `NAME=value`"),
            ("TAG", "{% if x %}\nTAG=v1\n", "line 1, column 1: not valid dotenv"),
            ("TAG", "TAG='{{ tag }}'\n", "is a template"),
            ("TAG", "TAG=v1\nB='open\n", "line 2, column 3: not valid dotenv: the quote is not closed"),
            ("TAG", "A=b \\\nTAG=v1\n", "line 1, column 3: not valid dotenv: a `\\` at the end"),
            ("TAG", "TAG=v1\u{7f}\n", "control character 0x7f"),
        ],
    );
    let key = "TAG".parse().unwrap();
    for (text, new) in [
        ("TAG=v1", "a b"),
        ("TAG=v1", "$A"),
        ("TAG='v1'", "it's"),
        ("TAG=\"v1\"", "a$b"),
        ("TAG='v1'", "a\nb"),
    ] {
        let shown = reason(Dotenv.set(text.as_bytes(), &key, new));
        assert!(matches!(shown, Reason::InvalidValue { .. }), "{text} {new}: {shown:?}");
    }
}
