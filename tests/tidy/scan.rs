//! Enough of Rust's surface to hold rules over it: code without comments and
//! literals, without tests, its functions and the modules it names.

/// `text` with comments, strings and character literals blanked; lines keep their place.
pub fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let end = literal_end(&chars, i);
        if end == i {
            out.push(chars[i]);
            i += 1;
        } else {
            out.extend(chars[i..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            i = end;
        }
    }
    out
}

/// Where the comment or literal that starts at `i` ends; `i` itself when none does.
fn literal_end(chars: &[char], i: usize) -> usize {
    let at = |k: usize| chars.get(k).copied().unwrap_or('\0');
    let find = |from: usize, good: &dyn Fn(usize) -> bool| (from..chars.len()).find(|k| good(*k));
    let after_word = i > 0 && is_word(at(i - 1));
    match (at(i), at(i + 1)) {
        ('/', '/') => find(i, &|k| at(k) == '\n').unwrap_or(chars.len()),
        ('/', '*') => {
            let (mut depth, mut k) = (1, i + 2);
            while depth > 0 && k < chars.len() {
                match (at(k), at(k + 1)) {
                    ('/', '*') => (depth, k) = (depth + 1, k + 2),
                    ('*', '/') => (depth, k) = (depth - 1, k + 2),
                    _ => k += 1,
                }
            }
            k.min(chars.len())
        }
        ('"', _) => string_end(chars, i + 1),
        ('r', '"' | '#') if !after_word => raw_end(chars, i),
        ('b', 'r') if !after_word && matches!(at(i + 2), '"' | '#') => raw_end(chars, i + 1).max(i + 1),
        ('\'', '\\') => find(i + 3, &|k| at(k) == '\'').map_or(chars.len(), |k| k + 1),
        // A lifetime has no closing quote.
        ('\'', _) if at(i + 2) == '\'' => i + 3,
        _ => i,
    }
}

fn string_end(chars: &[char], mut k: usize) -> usize {
    while k < chars.len() && chars[k] != '"' {
        k += if chars[k] == '\\' { 2 } else { 1 };
    }
    (k + 1).min(chars.len())
}

fn raw_end(chars: &[char], start: usize) -> usize {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(start + 1 + hashes) != Some(&'"') {
        return start; // `r#type`
    }
    let body = start + 2 + hashes;
    let closes = |k: usize| chars[k] == '"' && (1..=hashes).all(|h| chars.get(k + h) == Some(&'#'));
    (body..chars.len()).find(|k| closes(*k)).map_or(chars.len(), |k| k + hashes + 1)
}

/// `code` with every item under `#[cfg(test)]` blanked.
pub fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(start) = out.find("#[cfg(test)]") {
        let rest = &out[start..];
        let brace = rest.find('{').filter(|b| rest.find(';').is_none_or(|semi| *b < semi));
        let end = match brace {
            Some(brace) => start + brace + block_len(&rest[brace..]),
            None => start + rest.find(';').map_or(rest.len(), |semi| semi + 1),
        };
        let blank: String = out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

/// Length of the block that opens at the start of `text`.
fn block_len(text: &str) -> usize {
    let mut depth = 0usize;
    for (i, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return i + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// Name, first line (from 1) and length in lines of every function with a body.
pub fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let mut out = Vec::new();
    for start in words(code, "fn") {
        let rest = &code[start + 2..];
        let name: String = rest.trim_start().chars().take_while(|c| is_word(*c)).collect();
        let mut depth = 0i32;
        let open = rest.char_indices().find(|(_, c)| {
            match c {
                '(' | '[' => depth += 1,
                ')' | ']' => depth -= 1,
                _ => {}
            }
            depth <= 0 && matches!(c, '{' | ';')
        });
        // A type such as `fn(u8)` has no name, a trait's signature no body.
        if let Some((open, '{')) = open.filter(|_| !name.is_empty()) {
            let end = open + block_len(&rest[open..]);
            out.push((name, line_of(code, start), rest[..end].matches('\n').count() + 1));
        }
    }
    out
}

/// Top modules of the crate that `code` names, with the line: `crate::m`, `crate::{m, ..}` and as
/// many `super::` as lead to the root from a module `depth` deep.
pub fn root_modules(code: &str, crate_name: &str, depth: usize) -> Vec<(String, usize)> {
    let mut out = Vec::new();
    let root = format!("{crate_name}::");
    let climb = "super::".repeat(depth);
    let climbs =
        code.match_indices(&climb).filter(|_| depth > 0 && !climb.is_empty()).map(|(i, _)| (i, climb.len()));
    for (i, len) in code.match_indices(&root).map(|(i, _)| (i, root.len())).chain(climbs) {
        if code[..i].ends_with(|c: char| is_word(c) || c == ':' || c == '$') {
            continue;
        }
        let line = line_of(code, i);
        let rest = &code[i + len..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut level = 0;
            let mut expect = true;
            for (k, c) in group.char_indices() {
                match c {
                    '{' => level += 1,
                    '}' if level == 0 => break,
                    '}' => level -= 1,
                    ',' if level == 0 => expect = true,
                    c if is_word(c) && expect => {
                        out.push((group[k..].chars().take_while(|c| is_word(*c)).collect(), line));
                        expect = false;
                    }
                    _ => {}
                }
            }
        } else {
            out.push((rest.chars().take_while(|c| is_word(*c)).collect(), line));
        }
    }
    out
}

/// Byte offsets where `word` stands and is not part of a longer name.
pub fn words(code: &str, word: &str) -> Vec<usize> {
    let good = |i: &usize| {
        let open = word.starts_with(is_word) && code[..*i].ends_with(is_word);
        let shut = word.ends_with(is_word) && code[i + word.len()..].starts_with(is_word);
        !open && !shut
    };
    code.match_indices(word).map(|(i, _)| i).filter(good).collect()
}

/// Line (from 1) of a byte offset.
pub fn line_of(code: &str, offset: usize) -> usize {
    code[..offset].matches('\n').count() + 1
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The word behind `keyword` of each line that begins with it, visibility aside.
fn items(code: &str, keywords: &[&str]) -> Vec<String> {
    let bare = |line: &str| -> Option<String> {
        let line = match line.strip_prefix("pub(") {
            Some(rest) => rest.split_once(')')?.1.trim_start(),
            None => line.strip_prefix("pub ").unwrap_or(line),
        };
        let rest = keywords.iter().find_map(|word| line.strip_prefix(word)?.strip_prefix(' '))?;
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        Some(name).filter(|name| !name.is_empty())
    };
    code.lines().filter_map(bare).collect()
}

/// What a type is declared with.
const TYPE_WORDS: &[&str] = &["struct", "enum", "trait", "type", "union"];

/// Types that a file declares at any depth, with the line: in a module within it, in a function, in
/// a macro, by the bare name in `labels!`. What a trait or an `impl` calls `type` is not a name of the file's own.
pub fn declared(code: &str) -> Vec<(String, usize)> {
    let mut out = Vec::new();
    // Of each block that is open: what a trait or an `impl` calls `type` is its own, and the enums of a
    // `labels!` stand there by their bare names.
    let mut blocks = Vec::new();
    let mut start = 0;
    for (i, c) in code.char_indices().filter(|(_, c)| matches!(c, '{' | '}' | ';')) {
        let (word, rest) = item_head(&code[start..i]);
        let is_associated = word == "type" && matches!(blocks.last(), Some(&("impl" | "trait")));
        let is_labels = c == '{' && rest.is_empty() && blocks.last() == Some(&"labels");
        if TYPE_WORDS.contains(&word) && !is_associated {
            let name: String = rest.chars().take_while(|c| is_word(*c)).collect();
            if !name.is_empty() {
                out.push((name, line_of(code, i - rest.len())));
            }
        } else if is_labels && !word.is_empty() {
            out.push((word.to_owned(), line_of(code, i)));
        }
        match c {
            '{' => blocks.push(word),
            '}' => drop(blocks.pop()),
            _ => {}
        }
        start = i + 1;
    }
    out
}

/// First word of an item behind its attributes and visibility, and what follows it.
fn item_head(mut head: &str) -> (&str, &str) {
    loop {
        head = head.trim_start();
        let closes = |open: char, close: char| {
            let mut depth = 0;
            let end = head.char_indices().find(|(_, c)| {
                depth += i32::from(*c == open) - i32::from(*c == close);
                depth == 0 && *c == close
            });
            end.map_or("", |(i, _)| &head[i + 1..])
        };
        let end = head.find(|c| !is_word(c)).unwrap_or(head.len());
        head = match &head[..end] {
            "" if head.starts_with('#') => closes('[', ']'),
            "" if head.starts_with('(') => closes('(', ')'),
            "pub" | "unsafe" => &head[end..],
            word => return (word, head[end..].trim_start()),
        };
    }
}

/// Whether a file has types or functions of its own, or makes them by a macro.
pub fn has_items(code: &str) -> bool {
    let own = ["struct", "enum", "trait", "type", "union", "fn", "async fn", "const fn", "static"];
    !items(code, &own).is_empty() || code.lines().any(|l| l.starts_with("macro_rules!") || l.ends_with("! {"))
}

/// Types whose own methods a file holds: `impl Name`, not `impl Trait for Name`.
pub fn impls(code: &str) -> Vec<String> {
    let heads = code.lines().filter(|l| l.starts_with("impl") && !l.contains(" for "));
    let name = |line: &str| {
        let rest = line.strip_prefix("impl")?;
        let rest = match rest.strip_prefix('<') {
            Some(generics) => generics.split_once("> ")?.1,
            None => rest.trim_start(),
        };
        let path: String = rest.chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect();
        path.rsplit("::").next().map(str::to_owned).filter(|name| !name.is_empty())
    };
    heads.filter_map(name).collect()
}
