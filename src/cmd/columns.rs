//! Tables for people: columns under their heads, two blanks between them.
//!
//! A table is laid out page by page, since it may have a million lines: a column is at
//! least as wide as it was before, so that all stand under their heads.

/// Blanks between two columns.
const BETWEEN: usize = 2;

/// Cells row by row, one behind the other.
#[derive(Default)]
pub(super) struct Grid {
    text: String,
    /// Where each cell ends in `text`.
    ends: Vec<u32>,
}

impl Grid {
    /// Adds a cell that `fill` writes.
    pub(super) fn cell(&mut self, fill: impl FnOnce(&mut String)) {
        fill(&mut self.text);
        self.ends.push(self.text.len() as u32);
    }

    /// Adds a row.
    pub(super) fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        cells.into_iter().for_each(|cell| self.cell(|out| out.push_str(cell.as_ref())));
    }

    fn cells(&self) -> impl Iterator<Item = &str> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins.zip(&self.ends).map(|(from, to)| &self.text[from as usize..*to as usize])
    }
}

/// What has been laid out so far.
pub(super) struct Layout<const N: usize> {
    heads: [&'static str; N],
    widths: [usize; N],
    has_heads: bool,
    /// All columns but the first hold numbers.
    numbers: bool,
}

impl<const N: usize> Layout<N> {
    /// Columns of text.
    pub(super) fn new(heads: [&'static str; N]) -> Self {
        Layout { heads, widths: heads.map(str::len), has_heads: false, numbers: false }
    }

    /// A name and numbers, which stand to the right.
    pub(super) fn of_numbers(heads: [&'static str; N]) -> Self {
        Layout { numbers: true, ..Layout::new(heads) }
    }

    /// The heads alone, where nothing was found.
    pub(super) fn rest(&mut self) -> String {
        if self.has_heads { String::new() } else { self.lines(&Grid::default()) }
    }

    /// The lines of a page, below the heads where it is the first.
    pub(super) fn lines(&mut self, page: &Grid) -> String {
        let ascii = page.text.is_ascii();
        let width = |cell: &str| if ascii { cell.len() } else { cell.chars().count() };
        for (i, cell) in page.cells().enumerate() {
            let widest = &mut self.widths[i % N];
            *widest = width(cell).max(*widest);
        }
        let line: usize = self.widths.iter().map(|w| w + BETWEEN).sum();
        let mut out = String::with_capacity((page.ends.len() / N + 1) * line + page.text.len());
        let heads = if std::mem::replace(&mut self.has_heads, true) { &[][..] } else { &self.heads[..] };
        for (i, cell) in heads.iter().copied().chain(page.cells()).enumerate() {
            let column = i % N;
            let blanks = self.widths[column] - width(cell);
            if self.numbers && column > 0 {
                push_blanks(blanks + BETWEEN, &mut out);
                out.push_str(cell);
            } else {
                let between = if self.numbers { 0 } else { BETWEEN };
                out.push_str(cell);
                push_blanks(blanks + between, &mut out);
            }
            if column + 1 == N {
                out.truncate(out.trim_end_matches(' ').len());
                out.push('\n');
            }
        }
        out
    }
}

fn push_blanks(mut n: usize, out: &mut String) {
    const BLANKS: &str = "                                ";
    while n > BLANKS.len() {
        out.push_str(BLANKS);
        n -= BLANKS.len();
    }
    out.push_str(&BLANKS[..n]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_heads_page_by_page() {
        let mut layout = Layout::new(["ID", "NAME"]);
        let mut page = Grid::default();
        page.row(["1", "Ä"]);
        page.row(["100", ""]);
        assert_eq!(layout.lines(&page), "ID   NAME\n1    Ä\n100\n");
        let mut next = Grid::default();
        next.row(["2", "x"]);
        assert_eq!((layout.lines(&next), layout.rest()), ("2    x\n".into(), String::new()));
        assert_eq!(Layout::new(["ID", "NAME"]).rest(), "ID  NAME\n");
        let mut numbers = Layout::of_numbers(["DAY", "CALLS"]);
        let mut page = Grid::default();
        page.row(["Monday", "7"]);
        page.row(["Tuesday", "123456"]);
        assert_eq!(numbers.lines(&page), "DAY       CALLS\nMonday        7\nTuesday  123456\n");
    }
}
