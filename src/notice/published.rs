//! A published notice as words: Markdown, HTML or plain text, whatever an editor has done to it.
//!
//! Markup, comments, quotation marks and hyphens do not count, nor do capitals. What a reader would see as one
//! paragraph, list item or table cell is one block.

use crate::config::Language;
use std::collections::HashMap;

/// A text to compare with.
#[derive(Debug)]
pub struct PublishedNotice {
    pub(super) blocks: Vec<Paragraph>,
    /// Where each word stands, by its key: block, and place in it. In the order of the text.
    pub(super) places: HashMap<String, Vec<(usize, usize)>>,
    /// What the page says of itself.
    pub(super) language: Option<Language>,
}

/// A text of more words than are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {WORDS_MAX} words and marks; a notice has some thousands")]
pub struct TooManyWords;

/// A paragraph, an item or a cell.
#[derive(Debug)]
pub(super) struct Paragraph {
    text: String,
    pub(super) words: Vec<PublishedWord>,
}

/// A word, or a mark that counts.
#[derive(Debug)]
pub(super) struct PublishedWord {
    /// In small letters.
    pub(super) key: String,
    /// Whether a sentence ends with it.
    pub(super) is_end: bool,
    from: usize,
    to: usize,
}

/// Elements that begin a block and end one.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "dd",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
];
/// Elements whose content nobody reads.
const UNREAD: &[&str] = &["script", "style", "template"];
/// Entities of the languages and of editors.
const ENTITIES: &[(&str, char)] = &[
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("auml", 'ä'),
    ("ouml", 'ö'),
    ("aring", 'å'),
    ("Auml", 'Ä'),
    ("Ouml", 'Ö'),
    ("Aring", 'Å'),
    ("eacute", 'é'),
    ("Eacute", 'É'),
    ("uuml", 'ü'),
    ("Uuml", 'Ü'),
    ("ndash", '-'),
    ("mdash", '-'),
    ("rsquo", '\''),
    ("lsquo", '\''),
    ("ldquo", '"'),
    ("rdquo", '"'),
    ("bdquo", '"'),
    ("laquo", '"'),
    ("raquo", '"'),
    ("sect", '§'),
    ("shy", '\u{ad}'),
    ("hellip", '…'),
];
/// Marks that do not count: of layouts, quotation marks, hyphens.
const NOT_COUNTED: &str = "\\`*_#>|~<\"'-\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2015}\u{2018}\u{2019}\u{201a}\
                           \u{201c}\u{201d}\u{201e}«»";
/// Numbers in words, in the forms that terms have; each row from one on.
const NUMBERS: &[&[&str]] = &[
    &[
        "yksi",
        "kaksi",
        "kolme",
        "neljä",
        "viisi",
        "kuusi",
        "seitsemän",
        "kahdeksan",
        "yhdeksän",
        "kymmenen",
        "yksitoista",
        "kaksitoista",
    ],
    &[
        "yhden",
        "kahden",
        "kolmen",
        "neljän",
        "viiden",
        "kuuden",
        "seitsemän",
        "kahdeksan",
        "yhdeksän",
        "kymmenen",
        "yhdentoista",
        "kahdentoista",
    ],
    &["ett", "två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio", "tio", "elva", "tolv"],
    &["en"],
    &["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
];
/// Longest entity, bytes.
const ENTITY_MAX: usize = 10;
/// Words and marks of a text that is compared. Those of the longest notice that is written are a tenth.
pub(super) const WORDS_MAX: usize = 50_000;
/// Ends a block while the text is put together.
const BREAK: char = '\u{c}';

impl PublishedNotice {
    /// Reads a text.
    ///
    /// # Errors
    /// It has more words than are compared.
    pub fn read(text: &str) -> Result<PublishedNotice, TooManyWords> {
        let text = composed(text);
        let lower = text.to_ascii_lowercase();
        let is_page =
            ["<html", "<!doctype", "<body", "<p>", "<p ", "<div"].iter().any(|tag| lower.contains(tag));
        let plain = if is_page {
            without_markup(&text, true)
        } else {
            without_markup(&blocks_of_markdown(&text), false)
        };
        let mut blocks = Vec::new();
        let mut places: HashMap<String, Vec<_>> = HashMap::new();
        let mut left = WORDS_MAX;
        for block in plain.split(BREAK).map(Paragraph::new).filter(|block| !block.words.is_empty()) {
            left = left.checked_sub(block.words.len()).ok_or(TooManyWords)?;
            for (at, word) in block.words.iter().enumerate() {
                places.entry(word.key.clone()).or_default().push((blocks.len(), at));
            }
            blocks.push(block);
        }
        Ok(PublishedNotice { blocks, places, language: if is_page { language_of(&lower) } else { None } })
    }
}

impl Paragraph {
    fn new(text: &str) -> Paragraph {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut words: Vec<PublishedWord> = Vec::new();
        let mut is_within = false;
        for (at, c) in text.char_indices() {
            let to = at + c.len_utf8();
            match words.last_mut() {
                Some(word) if c.is_alphanumeric() && is_within => {
                    word.key.extend(c.to_lowercase());
                    word.to = to;
                }
                _ if c.is_whitespace() || NOT_COUNTED.contains(c) => {}
                _ => {
                    let is_end = matches!(c, '.' | '!' | '?')
                        && text[to..].chars().next().is_none_or(|c| !c.is_alphanumeric());
                    words.push(PublishedWord { key: c.to_lowercase().collect(), is_end, from: at, to });
                }
            }
            is_within = c.is_alphanumeric();
        }
        Paragraph { text, words: with_numbers(words) }
    }

    /// The text of these words.
    pub(super) fn text_of(&self, from: usize, to: usize) -> &str {
        let words = self.words.get(from..to).unwrap_or_default();
        let range = words.first().zip(words.last()).map(|(first, last)| first.from..last.to);
        range.and_then(|range| self.text.get(range)).unwrap_or_default()
    }
}

/// With numbers in digits: `six`, and `six (6)`, as `6`.
fn with_numbers(words: Vec<PublishedWord>) -> Vec<PublishedWord> {
    let mut out: Vec<PublishedWord> = Vec::with_capacity(words.len());
    for mut word in words {
        let place = NUMBERS.iter().find_map(|row| row.iter().position(|number| *number == word.key));
        if let Some(place) = place {
            word.key = (place + 1).to_string();
        }
        let is_repeated = match &out[..] {
            [.., number, open, again] => {
                let is_number = number.key.bytes().all(|b| b.is_ascii_digit());
                word.key == ")" && open.key == "(" && number.key == again.key && is_number
            }
            _ => false,
        };
        match is_repeated {
            true => {
                out.truncate(out.len() - 2);
                if let Some(number) = out.last_mut() {
                    number.to = word.to;
                }
            }
            false => out.push(word),
        }
    }
    out
}

/// The words of a text, by which it is compared.
pub(super) fn keys(text: &str) -> Vec<String> {
    Paragraph::new(text).words.into_iter().map(|word| word.key).collect()
}

/// `<html lang="fi">`
fn language_of(lower: &str) -> Option<Language> {
    let tag = lower.split_once("<html")?.1.split_once('>')?.0;
    let value = tag.split_once("lang=")?.1.trim_start_matches(['"', '\'']);
    Language::from_code(value.get(..2)?)
}

/// Letters that some systems write as a letter and a mark above it, as one; line ends as one character.
fn composed(text: &str) -> String {
    let text =
        text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace(['\r', BREAK], "\n");
    let pairs = [
        ("a\u{308}", "ä"),
        ("o\u{308}", "ö"),
        ("a\u{30a}", "å"),
        ("A\u{308}", "Ä"),
        ("O\u{308}", "Ö"),
        ("A\u{30a}", "Å"),
        ("e\u{301}", "é"),
        ("u\u{308}", "ü"),
    ];
    pairs
        .iter()
        .fold(text, |text, (apart, one)| if text.contains(apart) { text.replace(apart, one) } else { text })
}

/// A break wherever Markdown begins a block, and links without their targets.
fn blocks_of_markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut was_heading = false;
    for line in text.lines() {
        let line = line.trim();
        let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_numbered = number.len() < line.len() && (number.starts_with(". ") || number.starts_with(") "));
        let is_heading = line.starts_with('#');
        let begins = line.is_empty()
            || is_heading
            || is_numbered
            || line.starts_with(['>', '|'])
            || ["- ", "* ", "+ "].iter().any(|mark| line.starts_with(mark));
        if begins || was_heading {
            out.push(BREAK);
        }
        was_heading = is_heading;
        // What is left of the number would be a word of the item.
        out.push_str(if is_numbered { &number[1..] } else { line });
        out.push(if line.starts_with('|') { ' ' } else { '\n' });
    }
    without_targets(&out.replace(" | ", &BREAK.to_string()))
}

/// `[words](target)` as `words`. A target ends before the next one begins, so no byte is looked at twice.
fn without_targets(text: &str) -> String {
    let mut parts = text.split("](");
    let mut out = parts.next().unwrap_or_default().to_owned();
    // Where in `out` the words of the next link may begin.
    let mut from = 0;
    for part in parts {
        let open = out[from..].rfind('[').filter(|_| !out.ends_with('\\'));
        let end = part.find([')', '\n', BREAK]).filter(|end| part[*end..].starts_with(')'));
        let after = match open.zip(end) {
            Some((open, end)) => {
                out.remove(from + open);
                &part[end + 1..]
            }
            None => {
                out.push_str("](");
                part
            }
        };
        from = out.len();
        out.push_str(after);
    }
    out
}

/// Without comments and tags, entities read; of a page a line end is a space.
fn without_markup(text: &str, is_page: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&', '\\', '\u{ad}', '\u{200b}']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let after = &rest[rest.chars().next().map_or(0, char::len_utf8)..];
        rest = if let Some(comment) = rest.strip_prefix("<!--") {
            comment.split_once("-->").map_or("", |(_, after)| after)
        } else if rest.starts_with('<')
            && after.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c))
        {
            tag(after, &mut out)
        } else if rest.starts_with('&') {
            entity(after, &mut out)
        } else if rest.starts_with('\\') && !is_page {
            // What is escaped stands for itself, a bracket of a tag included.
            let c = after.chars().next().filter(char::is_ascii_punctuation);
            out.extend(c);
            &after[c.map_or(0, char::len_utf8)..]
        } else {
            out.extend(rest.chars().next().filter(|c| matches!(c, '<' | '\\')));
            after
        };
    }
    out + rest
}

/// What follows the tag that begins after `<`.
fn tag<'t>(text: &'t str, out: &mut String) -> &'t str {
    let Some((inside, after)) = text.split_once('>') else { return "" };
    let name = inside.trim_start_matches('/');
    let name =
        name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_ascii_lowercase();
    if BLOCKS.contains(&name.as_str()) {
        out.push(BREAK);
    } else if name == "br" {
        out.push(' ');
    }
    if UNREAD.contains(&name.as_str()) && !inside.starts_with('/') {
        let is_end =
            |rest: &&str| rest.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(&name));
        let end = after.match_indices("</").map(|(at, _)| &after[at + 2..]).find(is_end);
        return end.and_then(|rest| rest.split_once('>')).map_or("", |(_, after)| after);
    }
    after
}

/// What follows the entity that begins after `&`.
fn entity<'t>(text: &'t str, out: &mut String) -> &'t str {
    let end = text.bytes().take(ENTITY_MAX).position(|b| b == b';');
    let known = end.map(|at| (&text[..at], &text[at + 1..])).and_then(|(name, after)| {
        let c = match name.strip_prefix('#') {
            Some(number) => {
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                code.ok().and_then(char::from_u32).filter(|c| *c != BREAK)
            }
            None => ENTITIES.iter().find(|(known, _)| *known == name).map(|(_, c)| *c),
        };
        c.map(|c| (c, after))
    });
    match known {
        Some((c, after)) => {
            out.extend(Some(c).filter(|c| *c != '\u{ad}'));
            after
        }
        None => {
            out.push('&');
            text
        }
    }
}
