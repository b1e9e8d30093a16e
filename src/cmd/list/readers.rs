//! An answer read and put into words by several readers at once, in order.
//!
//! Between pages no reader holds anything of the database.

use crate::archive::abreast::in_order;
use crate::archive::index::{Index, IndexError, Piece, Row, SearchResults, SearchSpan};
use crate::archive::{Archive, OpenError, Place};
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

/// How rows become what is written.
pub(super) trait RowFormat: Sync {
    /// What is kept of the rows of a page.
    type Page: Default;
    /// What becomes of it.
    type Text: Send;

    /// One more row. The database is held: nothing is waited for here.
    fn add(&self, row: &Row, page: &mut Self::Page);

    /// The page is whole.
    fn words(&self, page: Self::Page) -> Self::Text;
}

/// Hands everything to `write` in the order of the answer, until it fails.
///
/// # Errors
/// What the index or `write` says.
pub(super) fn read<F: RowFormat, E>(
    place: &Place,
    answer: SearchResults,
    form: &F,
    readers: usize,
    mut write: impl FnMut(F::Text) -> Result<(), E>,
) -> anyhow::Result<()>
where
    anyhow::Error: From<E>,
{
    // A connection is one reader's at a time.
    let idle: Mutex<Vec<Index>> = Mutex::default();
    let put_into_words = |piece, give: &mut dyn FnMut(_) -> ControlFlow<()>| match piece {
        Piece::Rows(rows) => {
            let mut page = F::Page::default();
            rows.iter().for_each(|row| form.add(row, &mut page));
            let _ = give(Ok(form.words(page)));
        }
        Piece::Span(span) => {
            let taken = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let opened = || Archive::reopen(place).map(|archive| archive.index);
            let done = taken.map_or_else(opened, Ok).and_then(|index| {
                span_in_words(&index, span, form, &mut |text| give(Ok(text)))?;
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(index);
                Ok(())
            });
            if let Err(e) = done {
                let _ = give(Err(e));
            }
        }
    };
    let readers = readers.min(answer.pieces.len());
    in_order(answer.pieces.into_iter(), readers, put_into_words, |text: Result<F::Text, OpenError>| {
        Ok(write(text?)?)
    })
}

fn span_in_words<F: RowFormat>(
    index: &Index,
    span: SearchSpan,
    form: &F,
    give: &mut dyn FnMut(F::Text) -> ControlFlow<()>,
) -> Result<(), IndexError> {
    let page = RefCell::new(F::Page::default());
    let mut ends = || give(form.words(page.take()));
    index.read(span, &mut |row| form.add(row, &mut page.borrow_mut()), &mut ends)
}
