//! The table of lines: from a parser's line and column to a byte and back.
//!
//! A line ends at LF, CRLF or a lone CR, as YAML counts them (YAML 1.2.2, section 5.4). Columns count
//! characters; in a text that is not ASCII each line's start knows the characters before it, and every so
//! many characters the byte is noted, so that a place on a long line costs a short walk.

/// How many characters there are between two notes.
const STRIDE: usize = 64;

#[derive(Debug)]
pub(super) struct Lines {
    starts: Vec<u32>,
    /// Where the text is not ASCII: the byte of every [`STRIDE`]th character; else empty.
    marks: Vec<u32>,
}

/// What one look at all bytes tells besides the lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Census {
    /// The place of the first control character that YAML does not allow (YAML 1.2.2, rule 1, without C1).
    pub(super) control: Option<usize>,
    pub(super) commas: usize,
    pub(super) ampersands: usize,
}

/// The bytes that the census looks at; there are few of them.
const ODD: [bool; 256] = {
    let mut odd = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        odd[byte] = (byte < 0x20 && byte != b'\t' as usize) || byte == 0x7F;
        byte += 1;
    }
    odd[b',' as usize] = true;
    odd[b'&' as usize] = true;
    odd
};

impl Lines {
    /// The table, and what else the bytes tell. Texts are bounded by [`crate::MAX_BYTES`], so offsets fit in
    /// 32 bits.
    pub(super) fn new(text: &str) -> (Self, Census) {
        let bytes = text.as_bytes();
        let mut starts = Vec::with_capacity(bytes.len() / 16 + 4);
        starts.push(0);
        let mut census = Census::default();
        for (at, byte) in bytes.iter().enumerate().filter(|(_, byte)| ODD[usize::from(**byte)]) {
            match *byte {
                b',' => census.commas += 1,
                b'&' => census.ampersands += 1,
                b'\r' if bytes.get(at + 1) == Some(&b'\n') => {}
                b'\n' | b'\r' => starts.push(u32::try_from(at + 1).unwrap_or(u32::MAX)),
                _ => census.control = census.control.or(Some(at)),
            }
        }
        let mut marks = Vec::new();
        if !text.is_ascii() {
            let byte = |(at, _)| u32::try_from(at).unwrap_or(u32::MAX);
            marks.extend(text.char_indices().step_by(STRIDE).map(byte));
        }
        (Self { starts, marks }, census)
    }

    /// The byte at a line (from 1) and column (in characters, from 0); the end of the text where it has none.
    pub(super) fn byte(&self, text: &str, line: usize, column: usize) -> usize {
        let Some(start) = line.checked_sub(1).and_then(|at| self.starts.get(at)) else { return text.len() };
        let start = *start as usize;
        if self.marks.is_empty() {
            return (start + column).min(text.len());
        }
        let wanted = self.characters(text, start) + column;
        let Some(mark) = self.marks.get(wanted / STRIDE) else { return text.len() };
        let mark = *mark as usize;
        text[mark..].char_indices().nth(wanted % STRIDE).map_or(text.len(), |(at, _)| mark + at)
    }

    /// Line and column, both from 1, of a byte.
    pub(super) fn position(&self, text: &str, byte: usize) -> (usize, usize) {
        let line = self.line(byte);
        let start = self.starts[line] as usize;
        let column = if self.marks.is_empty() {
            byte.saturating_sub(start)
        } else {
            self.characters(text, byte) - self.characters(text, start)
        };
        (line + 1, column + 1)
    }

    /// Start of the line of a byte, end of its contents, end with its line end.
    pub(super) fn around(&self, text: &str, byte: usize) -> (usize, usize, usize) {
        let line = self.line(byte);
        let start = self.starts[line] as usize;
        let end = self.starts.get(line + 1).map_or(text.len(), |next| *next as usize);
        let contents = text[start..end].trim_end_matches(['\r', '\n']).len();
        (start, start + contents, end)
    }

    /// How many characters start before the byte.
    fn characters(&self, text: &str, byte: usize) -> usize {
        let mark = self.marks.partition_point(|mark| *mark as usize <= byte).saturating_sub(1);
        let from = self.marks.get(mark).map_or(0, |mark| *mark as usize);
        let walked = text.as_bytes().get(from..byte.min(text.len())).unwrap_or_default();
        // A byte of the form 10xxxxxx goes on with a character.
        mark * STRIDE + walked.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
    }

    /// The index of the line that holds the byte; line 0 starts at 0, so there always is one.
    fn line(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start as usize <= byte).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_positions_agree_over_all_line_ends() {
        let text = "a\r\né☃b\rc\n\nd";
        let (lines, census) = Lines::new(text);
        assert_eq!(census, Census::default());
        let census = Census { control: Some(3), commas: 1, ampersands: 2 };
        assert_eq!(Lines::new("a\tb\x01\x02&,\x7F&").1, census);
        for (line, column, byte) in
            [(1, 0, 0), (2, 0, 3), (2, 1, 5), (2, 2, 8), (3, 0, 10), (4, 0, 12), (5, 0, 13)]
        {
            assert_eq!(lines.byte(text, line, column), byte);
            assert_eq!(lines.position(text, byte), (line, column + 1));
        }
        assert_eq!(lines.around(text, 5), (3, 9, 10));
        assert_eq!(lines.around(text, 12), (12, 12, 13));
        assert_eq!(lines.around(text, 13), (13, 14, 14));
        assert_eq!(lines.byte(text, 9, 9), text.len());
    }

    #[test]
    fn places_on_long_lines_are_those_of_a_walk() {
        let text = format!("{}\n{}é", "aé☃😀".repeat(70), "xé".repeat(100));
        let (lines, _) = Lines::new(&text);
        let (mut line, mut column) = (1, 0);
        for (byte, c) in text.char_indices() {
            assert_eq!(lines.byte(&text, line, column), byte);
            assert_eq!(lines.position(&text, byte), (line, column + 1));
            (line, column) = if c == '\n' { (line + 1, 0) } else { (line, column + 1) };
        }
        assert_eq!(lines.byte(&text, line, column), text.len());
        assert_eq!(lines.position(&text, text.len()), (line, column + 1));
    }
}
