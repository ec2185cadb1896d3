//! Tables that fit: columns shrink, then leave by their rank; no cell is ever wrapped.

use super::{
    screen::{Paint, Screen},
    text,
};

/// The blanks between two columns.
const GAP: usize = 2;

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Its heading.
    name: &'static str,
    /// When there is no room, the column of the highest rank goes first; rank 0 stays.
    rank: u8,
    /// It may be cut down to this width before a column goes; 0: never cut but as a last resort.
    least: usize,
}

impl Column {
    pub(super) const fn new(name: &'static str, rank: u8) -> Self {
        Self { name, rank, least: 0 }
    }

    /// Lets it be cut down to `least` cells.
    pub(super) const fn cut(self, least: usize) -> Self {
        Self { least, ..self }
    }
}

/// A cell: text and how it is painted.
#[derive(Debug, Clone)]
pub(super) struct Cell(pub(super) String, pub(super) Paint);

impl Cell {
    /// A cell of text from anywhere.
    pub(super) fn new(text: impl AsRef<str>) -> Self {
        Self::painted(text, Paint::Plain)
    }

    pub(super) fn painted(text: impl AsRef<str>, paint: Paint) -> Self {
        Self(text::line(text.as_ref()), paint)
    }
}

/// A table being filled.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row: one cell for each column.
    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    /// The table as lines, each at most as wide as the screen.
    pub(super) fn render(&self, screen: &Screen) -> String {
        let widths = self.fit(screen.width());
        let mut out = String::new();
        let heading = self.columns.iter().map(|column| (column.name, Paint::Bold));
        line(&mut out, &widths, heading, screen);
        for row in &self.rows {
            line(&mut out, &widths, row.iter().map(|cell| (cell.0.as_str(), cell.1)), screen);
        }
        out
    }

    /// The width of each column; `None` for one that has no room.
    fn fit(&self, room: Option<usize>) -> Vec<Option<usize>> {
        let natural = |index: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|cell| text::width(&cell.0));
            cells.max().unwrap_or(0).max(text::width(self.columns[index].name))
        };
        // A column in which nothing stands says nothing.
        let filled =
            |index: usize| self.rows.iter().any(|row| row.get(index).is_some_and(|c| !c.0.is_empty()));
        let mut widths: Vec<Option<usize>> = (0..self.columns.len())
            .map(|index| (filled(index) || self.columns[index].rank == 0).then(|| natural(index)))
            .collect();
        let Some(room) = room else { return widths };
        loop {
            let over = total(&widths).saturating_sub(room);
            if over == 0 {
                return widths;
            }
            let spare: usize = self.spares(&widths).map(|(_, spare)| spare).sum();
            let last = (0..widths.len()).filter(|index| widths[*index].is_some());
            let last = last.max_by_key(|index| (self.columns[*index].rank, *index));
            match last {
                Some(last) if spare < over && self.columns[last].rank > 0 => widths[last] = None,
                _ if spare < over => {
                    squeeze(&mut widths, room);
                    return widths;
                }
                _ => {
                    for _ in 0..over {
                        let widest = self.spares(&widths).max_by_key(|(index, spare)| (*spare, *index));
                        let Some((index, _)) = widest else { break };
                        widths[index] = widths[index].map(|width| width - 1);
                    }
                    return widths;
                }
            }
        }
    }

    /// By how much each column could be cut.
    fn spares(&self, widths: &[Option<usize>]) -> impl Iterator<Item = (usize, usize)> {
        let spare = |(index, width): (usize, &Option<usize>)| {
            let column = self.columns[index];
            let width = (*width)?;
            let least = column.least.max(text::width(column.name));
            (column.least > 0 && width > least).then(|| (index, width - least))
        };
        widths.iter().enumerate().filter_map(spare).collect::<Vec<_>>().into_iter()
    }
}

fn total(widths: &[Option<usize>]) -> usize {
    let shown = widths.iter().flatten();
    shown.clone().sum::<usize>() + GAP * shown.count().saturating_sub(1)
}

/// Nothing may leave any more: the widest column gives, down to three cells.
fn squeeze(widths: &mut [Option<usize>], room: usize) {
    while total(widths) > room {
        let Some(widest) = widths.iter_mut().flatten().max_by_key(|width| **width) else { return };
        if *widest <= 3 {
            return;
        }
        *widest -= 1;
    }
}

fn line<'a>(
    out: &mut String,
    widths: &[Option<usize>],
    cells: impl Iterator<Item = (&'a str, Paint)>,
    screen: &Screen,
) {
    let mut shown = cells.zip(widths).filter_map(|(cell, width)| width.map(|width| (cell, width))).peekable();
    let start = out.len();
    while let Some(((cell, paint), width)) = shown.next() {
        let cell = text::cut(cell, width);
        let blanks = if shown.peek().is_some() { width + GAP - text::width(&cell) } else { 0 };
        out.push_str(&screen.paint(&cell, paint));
        out.push_str(&" ".repeat(blanks));
    }
    out.truncate(start + out[start..].trim_end_matches(' ').len());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(vec![
            Column::new("NAME", 0),
            Column::new("EMPTY", 1),
            Column::new("WHY", 1).cut(10),
            Column::new("LESS", 2),
        ]);
        for text in ["short", "a sentence that is longer than others"] {
            table.row(vec![Cell::new("checkout"), Cell::new(""), Cell::new(text), Cell::new("x")]);
        }
        table
    }

    #[test]
    fn no_line_is_wider_than_the_screen() {
        for width in 12..100 {
            let text = table().render(&Screen::plain(Some(width)));
            assert!(text.lines().all(|line| text::width(line) <= width), "{width}: {text}");
            assert_eq!(text.lines().count(), 3);
        }
    }

    #[test]
    fn first_text_is_cut_then_columns_leave_by_rank() {
        let at = |width| table().render(&Screen::plain(Some(width))).lines().next().unwrap().to_owned();
        assert_eq!(at(100).split_whitespace().collect::<Vec<_>>(), ["NAME", "WHY", "LESS"]);
        assert_eq!(at(26).split_whitespace().collect::<Vec<_>>(), ["NAME", "WHY", "LESS"]);
        assert_eq!(at(25).split_whitespace().collect::<Vec<_>>(), ["NAME", "WHY"]);
        assert_eq!(at(15).split_whitespace().collect::<Vec<_>>(), ["NAME"]);
    }

    #[test]
    fn without_a_width_nothing_is_cut() {
        assert!(table().render(&Screen::plain(None)).contains("longer than others"));
    }
}
