//! Where a published notice and a configuration part.
//!
//! First every sentence that holds is looked for word by word. What the table says in general, holes open, is
//! then looked for in the rest: such a sentence has another value, or does not hold. A sentence that is still
//! missing may have been reworded: the one most like it is shown beside it. What an organisation has
//! written itself is counted, and not judged.

use super::all_sentences::sentences;
use super::fill::Blank;
use super::privacy_notice::{Portion, PrivacyNotice, Statement};
use super::published::{Paragraph, PublishedNotice, keys};
use super::sentence::{NoticePart, Sentence, Slice, slices};
use crate::config::{Config, Language};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;

/// Longest value of a hole, words.
const HOLE_MAX: usize = 100;
/// Words that two sentences must have in common to be one that was reworded, in hundredths.
const ALIKE: usize = 60;
/// A sentence of the organisation's own has at least so many words.
const OWN_MIN: usize = 4;

/// What a comparison found.
#[derive(Debug)]
pub struct Comparison {
    /// The language of the published text.
    pub language: Language,
    /// In the order of the table.
    pub differences: Vec<Difference>,
    /// Places in brackets that nobody has filled in.
    pub open: usize,
    /// Sentences that are not from the table, and so were not compared.
    pub own: usize,
}

/// A place where the two part.
#[derive(Debug)]
pub enum Difference {
    /// The configuration keeps it, and it is not published.
    Missing(&'static Sentence, String),
    /// It is published, and the configuration does not keep it.
    NotKept(&'static Sentence, String),
    /// It is published in other words or with other values.
    Differs {
        /// Of which row.
        sentence: &'static Sentence,
        /// As it is published.
        published: String,
        /// As the configuration has it.
        kept: String,
        /// Where only values differ: published, kept.
        values: Vec<(String, String)>,
    },
}

impl Difference {
    /// The row of the table.
    pub fn sentence(&self) -> &'static Sentence {
        match self {
            Difference::Missing(sentence, _) | Difference::NotKept(sentence, _) => sentence,
            Difference::Differs { sentence, .. } => sentence,
        }
    }
}

/// Compares a published text with what `config` makes true, in `language` or the one it is written in.
///
/// `None` if the configuration records nothing, or if no language is given and the text has no sentence of the table.
pub fn compare(
    config: &Config,
    published: &PublishedNotice,
    language: Option<Language>,
) -> Option<Comparison> {
    let language = match language.or(published.language) {
        Some(language) => language,
        None => {
            let found =
                Language::ALL.map(|language| (NoticeSearch::new(published).known(language), language));
            found.into_iter().filter(|(n, _)| *n > 0).max_by_key(|(n, _)| *n)?.1
        }
    };
    let notice = PrivacyNotice::new(config, language)?;
    Some(NoticeSearch::new(published).run(&notice))
}

/// What is looked for: words, and places for others.
type Pattern = Vec<PatternPart>;

#[derive(Debug)]
enum PatternPart {
    Words(Vec<String>),
    Hole(&'static str),
}

fn pattern<'a>(parts: impl Iterator<Item = (Option<&'static str>, &'a str)>) -> Pattern {
    let mut out: Pattern = Vec::new();
    for (hole, text) in parts {
        match (hole, out.last_mut()) {
            (Some(name), _) => out.push(PatternPart::Hole(name)),
            (None, Some(PatternPart::Words(words))) => words.extend(keys(text)),
            (None, _) => out.push(PatternPart::Words(keys(text))),
        }
    }
    // The end of a sentence may also be the end of a block, as in a list.
    if let Some(PatternPart::Words(words)) = out.last_mut() {
        words.pop_if(|word| word == ".");
    }
    out.retain(|part| !matches!(part, PatternPart::Words(words) if words.is_empty()));
    out
}

/// A statement as it has to be published: only what is left open may be anything.
fn exact(statement: &Statement) -> Pattern {
    pattern(statement.fragments.iter().map(|fragment| match fragment {
        Portion::Words(text) | Portion::Value(_, text) => (None, text.as_str()),
        Portion::Open(name, _) => (Some(*name), ""),
    }))
}

/// A sentence with any values.
fn general(sentence: &'static Sentence, language: Language) -> Pattern {
    pattern(slices(sentence.template(language)).into_iter().map(|slice| match slice {
        Slice::Words(words) => (None, words),
        Slice::Hole { name, .. } => (Some(name), ""),
    }))
}

/// Words between two places of a block.
#[derive(Clone, Debug)]
struct Occurrence {
    block: usize,
    words: Range<usize>,
    values: Values,
}

/// What stands in the holes, by their names.
type Values = Vec<(&'static str, Range<usize>)>;

struct NoticeSearch<'p> {
    published: &'p PublishedNotice,
    blocks: &'p [Paragraph],
    /// For each word whether a sentence that was found has it.
    used: Vec<Vec<bool>>,
}

impl<'p> NoticeSearch<'p> {
    fn new(published: &'p PublishedNotice) -> Self {
        let used = published.blocks.iter().map(|block| vec![false; block.words.len()]).collect();
        NoticeSearch { published, blocks: &published.blocks, used }
    }

    /// How many sentences of the table the text has in a language.
    fn known(mut self, language: Language) -> usize {
        sentences().map(|sentence| self.take(&general(sentence, language)).len()).sum()
    }

    fn run(mut self, notice: &PrivacyNotice) -> Comparison {
        let language = notice.language;
        let mut parts = vec![NoticePart::Notice];
        let mut unmet: Vec<&Statement> = Vec::new();
        let mut statements: Vec<_> = notice.statements.iter().map(|s| (s, exact(s))).collect();
        // The more words of its own, the surer it is the one: a short one may be the end of a long one.
        statements.sort_by_key(|(_, pattern)| Reverse(length(pattern)));
        for (statement, pattern) in &statements {
            match self.take(pattern).is_empty() {
                true => unmet.push(statement),
                false => parts.push(statement.sentence.chapter.part()),
            }
        }
        let mut differences = Vec::new();
        let mut rows: Vec<_> = sentences().map(|sentence| (sentence, general(sentence, language))).collect();
        rows.sort_by_key(|(_, pattern)| Reverse(length(pattern)));
        for (sentence, pattern) in &rows {
            let found = self.take(pattern);
            if !found.is_empty() {
                parts.push(sentence.chapter.part());
            }
            self.judge(sentence, found, &mut unmet, &mut differences);
        }
        unmet.retain(|statement| parts.contains(&statement.sentence.chapter.part()));
        for statement in unmet {
            differences.push(match self.reworded(statement) {
                Some(published) => Difference::Differs {
                    sentence: statement.sentence,
                    published,
                    kept: statement.text(),
                    values: Vec::new(),
                },
                None => Difference::Missing(statement.sentence, statement.text()),
            });
        }
        let place = |difference: &Difference| {
            sentences().position(|sentence| std::ptr::eq(sentence, difference.sentence()))
        };
        differences.sort_by_cached_key(place);
        Comparison { language, differences, open: self.open(language), own: self.own() }
    }

    /// What a sentence with other values is: one that holds with others, or one that does not hold.
    fn judge(
        &self,
        sentence: &'static Sentence,
        found: Vec<Occurrence>,
        unmet: &mut Vec<&Statement>,
        out: &mut Vec<Difference>,
    ) {
        let is_of_row = |statement: &&Statement| std::ptr::eq(statement.sentence, sentence);
        // First those about the same service or role, then whatever is left.
        let (same, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| {
            unmet.iter().any(|statement| is_of_row(statement) && self.is_about_the_same(found, statement))
        });
        for found in same.into_iter().chain(others) {
            let about = unmet.iter().position(|s| is_of_row(s) && self.is_about_the_same(&found, s));
            let at = about.or_else(|| unmet.iter().position(is_of_row));
            let published = self.blocks[found.block].text_of(found.words.start, found.words.end).to_owned();
            out.push(match at {
                Some(at) => {
                    let statement = unmet.remove(at);
                    let values = self.values(&found, statement);
                    Difference::Differs { sentence, published, kept: statement.text(), values }
                }
                None => Difference::NotKept(sentence, published),
            });
        }
    }

    fn value(&self, found: &Occurrence, name: &str) -> &str {
        let range = found.values.iter().find(|(known, _)| *known == name).map(|(_, range)| range);
        range.map_or("", |range| self.blocks[found.block].text_of(range.start, range.end))
    }

    /// Whether both are of one service or role.
    fn is_about_the_same(&self, found: &Occurrence, statement: &Statement) -> bool {
        let names = found.values.iter().filter(|(name, _)| ["services", "role"].contains(name));
        let is_same =
            |(name, _): &(&str, Range<usize>)| keys(self.value(found, name)) == keys(statement.value(name));
        names.clone().count() > 0 && names.into_iter().all(is_same)
    }

    /// The values that differ: published, kept.
    fn values(&self, found: &Occurrence, statement: &Statement) -> Vec<(String, String)> {
        let is_open = |name: &str| {
            statement.fragments.iter().any(|f| matches!(f, Portion::Open(open, _) if *open == name))
        };
        let closed = found.values.iter().filter(|(name, _)| !is_open(name));
        let pairs = closed.map(|(name, _)| (self.value(found, name), statement.value(name)));
        let differ = pairs.filter(|(one, other)| keys(one) != keys(other));
        differ.map(|(one, other)| (one.to_owned(), other.to_owned())).collect()
    }

    /// Everything of a pattern that no other has taken.
    fn take(&mut self, pattern: &Pattern) -> Vec<Occurrence> {
        let mut all = Vec::new();
        let mut free = (0, 0);
        for (block, from) in self.starts(pattern) {
            let found =
                if (block, from) < free { None } else { match_at(&self.blocks[block], from, pattern) };
            let Some((to, values)) = found else { continue };
            if !self.used[block][from..to].contains(&true) {
                self.used[block][from..to].fill(true);
                all.push(Occurrence { block, words: from..to, values });
                free = (block, to);
            }
        }
        all
    }

    /// Where a sentence of this pattern may begin, block and place: at its first words, or before the hole that
    /// they follow.
    fn starts(&self, pattern: &Pattern) -> Vec<(usize, usize)> {
        let is_led = matches!(pattern.first(), Some(PatternPart::Hole(_)));
        let words = pattern.iter().find_map(|part| match part {
            PatternPart::Words(words) => Some(words),
            PatternPart::Hole(_) => None,
        });
        let Some((words, first)) = words.and_then(|words| words.first().map(|first| (words, first))) else {
            return Vec::new();
        };
        let places = self.published.places.get(first).into_iter().flatten().copied();
        let places = places.filter(|(block, at)| is_here(&self.blocks[*block], *at, words));
        let mut starts: Vec<_> = match is_led {
            false => places
                .filter(|(block, at)| begins(&self.blocks[*block], *at, &[":", ";", ")", "]"]))
                .collect(),
            true => places
                .filter_map(|(block, at)| {
                    let mut before = (at.saturating_sub(HOLE_MAX)..=at).rev();
                    before.find(|at| begins(&self.blocks[block], *at, &[":", ";"])).map(|at| (block, at))
                })
                .collect(),
        };
        starts.dedup();
        starts
    }

    /// The sentence that is most like one that is missing.
    fn reworded(&mut self, statement: &Statement) -> Option<String> {
        let wanted: Vec<String> = statement
            .fragments
            .iter()
            .flat_map(|fragment| match fragment {
                Portion::Open(..) => Vec::new(),
                Portion::Words(text) | Portion::Value(_, text) => keys(text),
            })
            .collect();
        let ends = wanted.iter().filter(|word| *word == ".").count().max(1);
        let mut best: Option<(usize, usize, Range<usize>)> = None;
        for (at, block) in self.blocks.iter().enumerate() {
            let all = sentences_of(block);
            for run in all.windows(ends.min(all.len()).max(1)) {
                let range = run.first().map_or(0, |r| r.start)..run.last().map_or(0, |r| r.end);
                let [short, long] = [range.len().min(wanted.len()), range.len().max(wanted.len())];
                if 200 * short < ALIKE * (short + long) || self.used[at][range.clone()].contains(&true) {
                    continue;
                }
                let alike = alike(&wanted, range.clone().map(|i| block.words[i].key.as_str()));
                if alike >= ALIKE && best.as_ref().is_none_or(|(most, ..)| alike > *most) {
                    best = Some((alike, at, range));
                }
            }
        }
        let (_, at, range) = best?;
        self.used[at][range.clone()].fill(true);
        Some(self.blocks[at].text_of(range.start, range.end).to_owned())
    }

    /// Places in brackets as they were written.
    fn open(&self, language: Language) -> usize {
        let labels = Blank::ALL.map(|blank| keys(&format!("[{}]", blank.label(language))));
        let count = |block: &Paragraph| {
            let is_there = |(from, label): (usize, &Vec<String>)| {
                let words = block.words.get(from..from + label.len());
                words.is_some_and(|words| words.iter().map(|word| &word.key).eq(label))
            };
            let brackets = (0..block.words.len()).filter(|from| block.words[*from].key == "[");
            brackets.filter(|from| labels.iter().any(|label| is_there((*from, label)))).count()
        };
        self.blocks.iter().map(count).sum()
    }

    fn own(&self) -> usize {
        let of_block = |(at, block): (usize, &Paragraph)| {
            let is_own = |range: &Range<usize>| {
                let is_sentence = range.len() > OWN_MIN && range.end > 0 && block.words[range.end - 1].is_end;
                is_sentence && !self.used[at][range.clone()].contains(&true)
            };
            sentences_of(block).iter().filter(|range| is_own(range)).count()
        };
        self.blocks.iter().enumerate().map(of_block).sum()
    }
}

/// Whether a sentence can begin here: after another one, or after one of these marks.
fn begins(block: &Paragraph, at: usize, marks: &[&str]) -> bool {
    let Some(before) = at.checked_sub(1).and_then(|before| block.words.get(before)) else { return true };
    before.is_end || marks.contains(&before.key.as_str())
}

/// Whether these words stand here.
fn is_here(block: &Paragraph, at: usize, words: &[String]) -> bool {
    let found = block.words.get(at..at + words.len());
    found.is_some_and(|found| found.iter().zip(words).all(|(found, word)| found.key == *word))
}

/// Between the ends of sentences.
fn sentences_of(block: &Paragraph) -> Vec<Range<usize>> {
    let mut from = 0;
    let ends = (0..block.words.len()).filter(|i| block.words[*i].is_end || i + 1 == block.words.len());
    ends.map(|end| std::mem::replace(&mut from, end + 1)..end + 1).collect()
}

/// Where a pattern that begins at `from` ends, and what stands in its holes.
fn match_at(block: &Paragraph, from: usize, pattern: &Pattern) -> Option<(usize, Values)> {
    let (mut at, mut values, mut hole) = (from, Values::new(), None);
    let is_over = |at: usize| block.words.get(at).is_none_or(|word| word.is_end);
    for part in pattern {
        match (part, hole) {
            (PatternPart::Hole(name), _) => hole = Some(*name),
            (PatternPart::Words(words), None) => {
                if !is_here(block, at, words) {
                    return None;
                }
                at += words.len();
            }
            (PatternPart::Words(words), Some(name)) => {
                let mut to = at;
                while !is_here(block, to, words) {
                    if is_over(to) || to - at >= HOLE_MAX {
                        return None;
                    }
                    to += 1;
                }
                values.push((name, at..to));
                at = to + words.len();
                hole = None;
            }
        }
    }
    if let Some(name) = hole {
        let to = (at..=at + HOLE_MAX).find(|to| is_over(*to))?;
        values.push((name, at..to));
        at = to;
    }
    is_over(at).then_some(((at + 1).min(block.words.len()), values))
}

/// Words that are not in holes.
fn length(pattern: &Pattern) -> usize {
    let words = |part: &PatternPart| if let PatternPart::Words(words) = part { words.len() } else { 0 };
    pattern.iter().map(words).sum()
}

/// Words in common, in hundredths of all.
fn alike<'w>(wanted: &[String], found: impl Iterator<Item = &'w str>) -> usize {
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in wanted {
        *left.entry(word).or_default() += 1;
    }
    let (mut common, mut all) = (0, wanted.len());
    for word in found {
        all += 1;
        if let Some(n) = left.get_mut(word).filter(|n| **n > 0) {
            *n -= 1;
            common += 1;
        }
    }
    200 * common / all.max(1)
}
