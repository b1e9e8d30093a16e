//! Which counts may be shown: none so small that a person could be meant, and none from which such a one could be
//! reckoned.
//!
//! A count of 1 to 4 is small. A table of counts with their sums hides its small cells, and as many others as it
//! takes that no small cell has one possible value only. What is known to whoever reads the table: the sums that
//! are shown, and that a hidden cell is not 0, since a 0 is shown. The cells of a table with its sums are the arcs
//! of a flow, so a hidden cell has another possible value exactly if it lies on a cycle of hidden cells along which
//! one can be added or taken away (Gusfield, "A graph theoretic approach to statistical data security", 1988).
//!
//! Pure. Must not know what is counted.

use std::collections::BTreeMap;

/// A smaller count, unless it is 0, is not shown.
pub const FEW: u64 = 5;

/// Where a part is small, fewer than this are not divided beside others: to hide the parts of so few, parts of many
/// others would have to be hidden as well.
const DIVIDED_FROM: u64 = 10 * FEW;

/// A count as far as it may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownCount {
    /// It is this.
    Count(u64),
    /// It is 1 to 4.
    Few,
    /// It is 1 to 4, or such a one could be reckoned from it.
    Hidden,
}

impl ShownCount {
    /// Of a count that stands alone: nothing that is shown beside it adds up with it.
    pub fn of(count: u64) -> ShownCount {
        if is_small(count) { ShownCount::Few } else { ShownCount::Count(count) }
    }

    /// Of a part of a count that is shown: neither the part nor the rest may be small.
    pub fn part(part: u64, whole: u64) -> ShownCount {
        match is_small(part) || is_small(whole.saturating_sub(part)) {
            true => ShownCount::Hidden,
            false => ShownCount::Count(part),
        }
    }

    /// The number, where it is shown.
    pub fn count(self) -> Option<u64> {
        match self {
            ShownCount::Count(count) => Some(count),
            ShownCount::Few | ShownCount::Hidden => None,
        }
    }
}

/// Whether so few could be known by name.
pub fn is_small(count: u64) -> bool {
    count > 0 && count < FEW
}

/// A table of counts that may be shown: rows, their totals, the totals of the columns. The totals of the rows may
/// stand beside several tables of the same things; each table is safe whatever the others show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SafeTable {
    /// Rows whose total may be shown.
    pub rows: Vec<SafeRow>,
    /// Rows with a small total, or too small to be divided: nothing of them is in any number here.
    pub left_out: Vec<String>,
    /// Totals of the columns.
    pub totals: Vec<ShownCount>,
    /// Of all rows that are shown.
    pub total: u64,
}

/// A row of a [`SafeTable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafeRow {
    /// What it is of.
    pub name: String,
    /// By column.
    pub cells: Vec<ShownCount>,
    /// Of all cells.
    pub total: u64,
}

impl SafeTable {
    /// Of counts by row and column. Each row has `columns` counts, which together are all there are of the row.
    pub fn new(counts: &BTreeMap<String, Vec<u64>>, columns: usize) -> SafeTable {
        let total_of = |cells: &Vec<u64>| cells.iter().sum::<u64>();
        let has_many = counts.values().any(|cells| total_of(cells) >= DIVIDED_FROM);
        let is_left_out = |cells: &Vec<u64>| {
            let is_minor = has_many && total_of(cells) < DIVIDED_FROM;
            is_small(total_of(cells)) || (is_minor && cells.iter().any(|n| is_small(*n)))
        };
        let (left_out, shown): (Vec<_>, Vec<_>) = counts.iter().partition(|(_, cells)| is_left_out(cells));
        let mut grid = HiddenCells::of(shown.iter().map(|(_, cells)| cells.as_slice()), columns);
        grid.hide_what_must_be();
        let cells = |row: usize| (0..columns).map(|column| grid.shown(row, column)).collect::<Vec<_>>();
        SafeTable {
            rows: shown
                .iter()
                .enumerate()
                .map(|(i, (name, row))| SafeRow {
                    name: (*name).clone(),
                    cells: cells(i),
                    total: total_of(row),
                })
                .collect(),
            left_out: left_out.into_iter().map(|(name, _)| name.clone()).collect(),
            totals: cells(shown.len()),
            total: shown.iter().map(|(_, row)| total_of(row)).sum(),
        }
    }
}

/// The cells of a table, the totals of its columns as the last row, and which of them are hidden. The totals of the
/// rows are not among them: they are known.
struct HiddenCells {
    values: Vec<Vec<u64>>,
    is_hidden: Vec<Vec<bool>>,
    columns: usize,
}

/// A row or a column.
#[derive(Clone, Copy)]
enum TableLine {
    Row(usize),
    Column(usize),
}

impl HiddenCells {
    fn of<'a>(rows: impl Iterator<Item = &'a [u64]>, columns: usize) -> HiddenCells {
        let mut values: Vec<Vec<u64>> = rows.map(<[u64]>::to_vec).collect();
        let totals = (0..columns).map(|column| values.iter().map(|row| row[column]).sum()).collect();
        values.push(totals);
        let is_hidden =
            values.iter().map(|row| row.iter().map(|n| is_small(*n)).collect::<Vec<_>>()).collect();
        HiddenCells { values, is_hidden, columns }
    }

    fn shown(&self, row: usize, column: usize) -> ShownCount {
        match self.is_hidden[row][column] {
            true => ShownCount::Hidden,
            false => ShownCount::Count(self.values[row][column]),
        }
    }

    /// The row of totals.
    fn last(&self) -> usize {
        self.values.len() - 1
    }

    /// Hides more until nothing can be reckoned. Each round hides at least one cell more, so it ends.
    fn hide_what_must_be(&mut self) {
        loop {
            let rows = (0..self.values.len()).map(TableLine::Row);
            let lines: Vec<TableLine> = rows.chain((0..self.columns).map(TableLine::Column)).collect();
            let mut has_hidden = false;
            for line in lines {
                while self.tells_too_much(line) && self.hide_one_more(line) {
                    has_hidden = true;
                }
            }
            if has_hidden {
                continue;
            }
            for (row, column) in self.reckonable() {
                has_hidden |=
                    self.hide_one_more(TableLine::Row(row)) || self.hide_one_more(TableLine::Column(column));
            }
            if !has_hidden {
                return;
            }
        }
    }

    /// The cells of a line whose sum is known.
    fn cells(&self, line: TableLine) -> Vec<(usize, usize)> {
        match line {
            TableLine::Row(row) => (0..self.columns).map(|column| (row, column)).collect(),
            TableLine::Column(column) => (0..self.last()).map(|row| (row, column)).collect(),
        }
    }

    /// The sum of what a line hides is small, or leaves no choice.
    fn tells_too_much(&self, line: TableLine) -> bool {
        if let TableLine::Column(column) = line
            && self.is_hidden[self.last()][column]
        {
            return false;
        }
        let hidden = self.cells(line).into_iter().filter(|(row, column)| self.is_hidden[*row][*column]);
        let (mut count, mut sum, mut least) = (0, 0, 0);
        for (row, column) in hidden {
            count += 1;
            sum += self.values[row][column];
            least += self.least(row);
        }
        sum > 0 && (count == 1 || sum < FEW || sum <= least)
    }

    /// What whoever reads the table knows a hidden cell to be at least: where a row is hidden whole its zeros are
    /// hidden as well.
    fn least(&self, row: usize) -> u64 {
        u64::from(self.is_hidden[row].contains(&false))
    }

    /// Hides the cell of a line that says least; `false` where there is none.
    fn hide_one_more(&mut self, line: TableLine) -> bool {
        let is_open =
            |(row, column): &(usize, usize)| !self.is_hidden[*row][*column] && self.values[*row][*column] > 0;
        // A cell that is all of its row is known by the total of the row.
        let is_all = |row: usize| self.values[row].iter().filter(|n| **n > 0).count() < 2;
        let open = self.cells(line).into_iter().filter(is_open);
        let next = match line {
            TableLine::Row(_) => open.min_by_key(|(row, column)| self.values[*row][*column]),
            TableLine::Column(column) => open
                .filter(|(row, _)| !is_all(*row))
                .min_by_key(|(row, column)| self.values[*row][*column])
                .or(Some((self.last(), column)).filter(is_open)),
        };
        if let Some((row, column)) = next {
            self.is_hidden[row][column] = true;
            return true;
        }
        let TableLine::Row(row) = line else { return false };
        let was_open = self.is_hidden[row].contains(&false);
        self.is_hidden[row].fill(true);
        was_open
    }

    /// Hidden cells that have one possible value only.
    fn reckonable(&self) -> Vec<(usize, usize)> {
        let graph = FlowGraph::of(self);
        let all = (0..self.values.len()).flat_map(|row| (0..self.columns).map(move |column| (row, column)));
        let hidden =
            all.filter(|(row, column)| self.is_hidden[*row][*column] && self.values[*row][*column] > 0);
        hidden.filter(|(row, column)| !graph.is_on_a_cycle(*row, *column)).collect()
    }
}

/// The hidden cells as arcs between rows and columns, in whose direction one may be added. The last row of nodes is
/// that of the totals of the columns, whose arcs lead on from the columns.
struct FlowGraph<'a> {
    cells: &'a HiddenCells,
    /// From each node, along which cell to where.
    ways: Vec<Vec<((usize, usize), usize)>>,
}

impl FlowGraph<'_> {
    fn of(cells: &HiddenCells) -> FlowGraph<'_> {
        let mut ways = vec![Vec::new(); cells.values.len() + cells.columns];
        for row in 0..cells.values.len() {
            for column in (0..cells.columns).filter(|column| cells.is_hidden[row][*column]) {
                let (from, to) = ends(cells, row, column);
                ways[from].push(((row, column), to));
                if cells.values[row][column] > cells.least(row) {
                    ways[to].push(((row, column), from));
                }
            }
        }
        FlowGraph { cells, ways }
    }

    /// One can be added to a cell and taken from others, or the other way round, so that all sums stay.
    fn is_on_a_cycle(&self, row: usize, column: usize) -> bool {
        let (from, to) = ends(self.cells, row, column);
        let can_fall = self.cells.values[row][column] > self.cells.least(row);
        self.leads(to, from, (row, column)) || (can_fall && self.leads(from, to, (row, column)))
    }

    fn leads(&self, from: usize, to: usize, without: (usize, usize)) -> bool {
        let mut seen = vec![false; self.ways.len()];
        let mut next = vec![from];
        while let Some(node) = next.pop() {
            if node == to {
                return true;
            }
            if std::mem::replace(&mut seen[node], true) {
                continue;
            }
            next.extend(self.ways[node].iter().filter(|(cell, _)| *cell != without).map(|(_, to)| *to));
        }
        false
    }
}

/// The nodes of a cell: from its row to its column, and from a column to the row of totals.
fn ends(cells: &HiddenCells, row: usize, column: usize) -> (usize, usize) {
    let column = cells.values.len() + column;
    if row == cells.last() { (column, row) } else { (row, column) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(rows: &[&[u64]]) -> SafeTable {
        let counts = rows.iter().enumerate().map(|(i, row)| (format!("row {i:02}"), row.to_vec())).collect();
        SafeTable::new(&counts, rows.first().map_or(0, |row| row.len()))
    }

    /// As it stands on paper; `x` is hidden.
    fn paper(table: &SafeTable) -> Vec<String> {
        let word = |cell: &ShownCount| cell.count().map_or("x".to_owned(), |n| n.to_string());
        let line = |cells: &[ShownCount], total: u64| {
            let words: Vec<String> = cells.iter().map(word).collect();
            format!("{} = {total}", words.join(" "))
        };
        let rows = table.rows.iter().map(|row| line(&row.cells, row.total));
        rows.chain([line(&table.totals, table.total)]).collect()
    }

    #[test]
    fn counts_that_stand_alone_and_parts() {
        let of = [0, 1, 4, 5].map(ShownCount::of);
        assert_eq!(of, [ShownCount::Count(0), ShownCount::Few, ShownCount::Few, ShownCount::Count(5)]);
        for (part, whole, is_shown) in
            [(0, 9, true), (3, 9, false), (5, 10, true), (5, 9, false), (9, 9, true)]
        {
            assert_eq!(ShownCount::part(part, whole).count().is_some(), is_shown, "{part} of {whole}");
        }
    }

    #[test]
    fn no_more_is_hidden_than_has_to_be() {
        for (rows, want) in [
            // Nothing small.
            (&[&[10, 20, 0][..], &[5, 0, 7]][..], &["10 20 0 = 30", "5 0 7 = 12", "15 20 7 = 42"][..]),
            // One row: another cell of it.
            (&[&[3, 20, 100]], &["x x 100 = 123", "x x 100 = 123"]),
            // Two rows: a square of four, the sums stay.
            (&[&[3, 20, 100], &[50, 60, 70]], &["x x 100 = 123", "x x 70 = 180", "53 80 170 = 303"]),
            // A row of few is left out of every sum, and so is one of which others would have to be hidden.
            (&[&[3, 0, 0], &[50, 60, 70]], &["50 60 70 = 180", "50 60 70 = 180"]),
            (&[&[3, 10, 20], &[50, 60, 70]], &["50 60 70 = 180", "50 60 70 = 180"]),
            (&[&[0, 10, 20], &[50, 60, 70]], &["0 10 20 = 30", "50 60 70 = 180", "50 70 90 = 210"]),
            // All ones: that they are hidden must not say that they are.
            (&[&[1, 1, 1, 1, 1, 0]], &["x x x x x x = 5", "x x x x x x = 5"]),
            // Ones together are few as well.
            (&[&[1, 1, 30, 0]], &["x x x 0 = 32", "x x x 0 = 32"]),
        ] {
            assert_eq!(paper(&table(rows)), want);
        }
        let left_out = table(&[&[3, 0, 0], &[50, 60, 70]]).left_out;
        assert_eq!(left_out, ["row 00"]);
        assert_eq!(SafeTable::new(&BTreeMap::new(), 3).totals, [ShownCount::Count(0); 3]);
    }

    /// Everything that is shown of a table, and every table that would be shown so: by trying all of them.
    fn possible(shown: &SafeTable) -> Vec<Vec<Vec<u64>>> {
        let columns = shown.totals.len();
        let mut all: Vec<Vec<Vec<u64>>> = vec![Vec::new()];
        for row in &shown.rows {
            let mut of_row: Vec<Vec<u64>> = vec![Vec::new()];
            let least = u64::from(row.cells.iter().any(|cell| cell.count().is_some()));
            for cell in &row.cells {
                let values: Vec<u64> = match cell.count() {
                    Some(n) => vec![n],
                    None => (least..=row.total).collect(),
                };
                of_row = of_row
                    .iter()
                    .flat_map(|begun| values.iter().map(|n| [&begun[..], &[*n]].concat()))
                    .filter(|begun| begun.iter().sum::<u64>() <= row.total)
                    .collect();
            }
            of_row.retain(|cells| cells.iter().sum::<u64>() == row.total);
            all = all
                .iter()
                .flat_map(|begun| {
                    of_row.iter().map(|cells| [&begun[..], std::slice::from_ref(cells)].concat())
                })
                .collect();
        }
        let least = u64::from(shown.totals.iter().any(|cell| cell.count().is_some()));
        let fits = |rows: &Vec<Vec<u64>>| {
            (0..columns).all(|column| {
                let sum: u64 = rows.iter().map(|row| row[column]).sum();
                shown.totals[column].count().map_or(sum >= least, |n| n == sum)
            })
        };
        all.retain(fits);
        all
    }

    fn no_small_cell_is_certain(counts: &[Vec<u64>]) {
        let rows: Vec<&[u64]> = counts.iter().map(Vec::as_slice).collect();
        let shown = table(&rows);
        let possible = possible(&shown);
        let of = |row: usize, column: usize, rows: &Vec<Vec<u64>>| match rows.get(row) {
            Some(cells) => cells[column],
            None => rows.iter().map(|cells| cells[column]).sum(),
        };
        let name = |i: usize| format!("row {i:02}");
        let kept = counts.iter().enumerate().filter(|(i, _)| !shown.left_out.contains(&name(*i)));
        let truth: Vec<Vec<u64>> = kept.map(|(_, row)| row.clone()).collect();
        assert!(possible.contains(&truth), "{shown:?}");
        let lines = shown.rows.iter().map(|row| &row.cells).chain([&shown.totals]);
        for (row, cells) in lines.enumerate() {
            for (column, cell) in cells.iter().enumerate() {
                let is = of(row, column, &truth);
                match cell {
                    ShownCount::Count(n) => assert!(*n == is && !is_small(*n), "{shown:?}"),
                    // A total that is hidden with its row may be the sum of parts that are shown: it is no secret.
                    _ if !is_small(is) => {}
                    _ => {
                        let certain = possible.iter().all(|rows| of(row, column, rows) == is);
                        assert!(!certain, "{counts:?}: {row}, {column} of {:?}", paper(&shown));
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn what_is_small_cannot_be_reckoned(
            rows in proptest::collection::vec(proptest::collection::vec(0u64..8, 3), 1..4)
        ) {
            no_small_cell_is_certain(&rows);
        }

        #[test]
        fn nor_where_most_are_ones_and_zeros(
            rows in proptest::collection::vec(proptest::collection::vec(0u64..3, 4), 1..4)
        ) {
            no_small_cell_is_certain(&rows);
        }

        #[test]
        fn nor_beside_a_row_of_many(
            rows in proptest::collection::vec(proptest::collection::vec(0u64..6, 3), 1..3),
            many in proptest::collection::vec(15u64..22, 3),
        ) {
            no_small_cell_is_certain(&[rows, vec![many]].concat());
        }

        #[test]
        fn a_large_table_ends_and_shows_no_small_number(
            rows in proptest::collection::vec(proptest::collection::vec(0u64..40, 24), 1..30)
        ) {
            let rows: Vec<&[u64]> = rows.iter().map(Vec::as_slice).collect();
            let shown = table(&rows);
            let cells = shown.rows.iter().flat_map(|row| &row.cells).chain(&shown.totals);
            for cell in cells {
                prop_assert!(!cell.count().is_some_and(is_small));
            }
            let counts = rows.iter().copied();
            let mut again = HiddenCells::of(counts.filter(|row| !is_small(row.iter().sum())), 24);
            again.hide_what_must_be();
            prop_assert!(again.reckonable().is_empty());
        }
    }
}
