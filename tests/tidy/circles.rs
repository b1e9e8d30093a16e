//! Which file of the source needs which, and where that runs in a circle.
//!
//! A file needs another where it names something of it: by `use`, or by a path in
//! its code. What a module hands on (`pub use`) it does not need itself, and who
//! takes it from there needs the file it comes from. Methods are not followed: an
//! `impl` in a file of its own needs the type, not the other way round.

use crate::scan::words;
use std::collections::{BTreeMap, BTreeSet};

/// A module by the names that lead to it from the root.
type Module = Vec<String>;

/// One file as this rule sees it: its path, and its code without comments, literals and tests.
pub struct File<'a> {
    pub path: &'a str,
    pub code: &'a str,
}

/// Files that need one another, each circle as its paths in order.
pub fn circles(files: &[File<'_>]) -> Vec<Vec<String>> {
    let source = Source::read(files);
    let needs: BTreeMap<&str, BTreeSet<&str>> =
        files.iter().map(|file| (file.path, source.needs(file))).collect();
    let reach = |from: &str| {
        let (mut seen, mut todo) = (BTreeSet::new(), vec![from]);
        while let Some(at) = todo.pop() {
            for next in needs.get(at).into_iter().flatten() {
                if seen.insert(*next) {
                    todo.push(next);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> = needs.keys().map(|path| (*path, reach(path))).collect();
    let mut out = BTreeSet::new();
    for (path, from_here) in &reached {
        let back = |other: &&&str| reached.get(**other).is_some_and(|set| set.contains(path));
        let circle: BTreeSet<&str> = from_here.iter().filter(back).copied().collect();
        if circle.len() > 1 {
            out.insert(circle);
        }
    }
    out.into_iter().map(|circle| circle.into_iter().map(String::from).collect()).collect()
}

/// Every module, the file it is in, and what it hands on.
struct Source<'a> {
    files: BTreeMap<Module, &'a str>,
    /// Module and name to where the name comes from.
    handed_on: BTreeMap<(Module, String), Module>,
}

impl<'a> Source<'a> {
    fn read(files: &[File<'a>]) -> Self {
        let of = |file: &File<'a>| Some((module_of(file.path)?, file.path));
        let mut source = Source { files: files.iter().filter_map(of).collect(), handed_on: BTreeMap::new() };
        for file in files {
            let Some(module) = module_of(file.path) else { continue };
            for (is_public, path) in uses(file.code) {
                let Some(path) = source.absolute(&module, &path).filter(|_| is_public) else { continue };
                if let Some(name) = path.last() {
                    source.handed_on.insert((module.clone(), name.clone()), path.clone());
                }
            }
        }
        source
    }

    fn needs(&self, file: &File<'_>) -> BTreeSet<&'a str> {
        let Some(module) = module_of(file.path) else { return BTreeSet::new() };
        let used = uses(file.code).into_iter().filter(|(is_public, _)| !is_public).map(|(_, path)| path);
        let named = paths(&without_uses(file.code));
        let all = used.chain(named).filter_map(|path| self.absolute(&module, &path));
        all.filter_map(|path| self.file_of(path)).filter(|path| *path != file.path).collect()
    }

    /// A path as it is written, from the root; `None` for another crate's or a local name's.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        let from = |base: &[String], rest: &[String]| Some([base, rest].concat());
        match first.as_str() {
            "crate" => from(&[], rest),
            "self" => from(module, rest),
            "super" => {
                let climbs = path.iter().take_while(|name| *name == "super").count();
                from(module.get(..module.len().checked_sub(climbs)?)?, path.get(climbs..)?)
            }
            name => {
                let child = [module.as_slice(), &[name.to_owned()]].concat();
                self.files.contains_key(&child).then(|| [child, rest.to_vec()].concat())
            }
        }
    }

    /// The file that has what a path from the root names.
    fn file_of(&self, mut path: Module) -> Option<&'a str> {
        // A module that hands on what it got from one that hands it on: not for ever.
        for _ in 0..8 {
            let mut length = path.len();
            while !self.files.contains_key(path.get(..length)?) {
                length = length.checked_sub(1)?;
            }
            let (module, rest) = path.split_at(length);
            let handed = rest.first().and_then(|name| self.handed_on.get(&(module.to_vec(), name.clone())));
            match handed.filter(|from| **from != path) {
                Some(from) => path = from.clone(),
                None => return self.files.get(module).copied(),
            }
        }
        None
    }
}

/// `src/a/b.rs` and `src/a/b/mod.rs` are `a::b`; `None` outside `src`.
fn module_of(path: &str) -> Option<Module> {
    let path = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let path = path.strip_suffix("/mod").unwrap_or(path);
    Some(if path == "lib" { Vec::new() } else { path.split('/').map(String::from).collect() })
}

/// Every `use` of a file: whether it is public, and one path for each name.
fn uses(code: &str) -> Vec<(bool, Vec<String>)> {
    let mut out = Vec::new();
    for (start, end) in use_spans(code) {
        let line = code[..start].rfind('\n').map_or(0, |at| at + 1);
        let is_public = code[line..start].trim_start().starts_with("pub");
        let tree = code[start + 3..end].trim_end_matches(';');
        expand(tree, &[], &mut |path| out.push((is_public, path)));
    }
    out
}

fn use_spans(code: &str) -> Vec<(usize, usize)> {
    let is_item = |at: &usize| {
        let before = code[..*at].trim_end_matches([' ', '\t']);
        before.is_empty() || before.ends_with(['\n', '{', '}', ';', ']']) || is_after_pub(before)
    };
    let end = |at: usize| code[at..].find(';').map_or(code.len(), |semi| at + semi + 1);
    words(code, "use").into_iter().filter(is_item).map(|at| (at, end(at))).collect()
}

fn is_after_pub(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or(before).trim();
    line == "pub" || (line.starts_with("pub(") && line.ends_with(')'))
}

/// Code without what is imported, and without the reach of what is visible (`pub(in ..)`).
fn without_uses(code: &str) -> String {
    let mut out = code.replace("pub(in crate::", "pub(in crate; ");
    for (start, end) in use_spans(code) {
        out.replace_range(start..end, &" ".repeat(end - start));
    }
    out
}

/// `a::{b, c::{d, self}}` into `a::b`, `a::c::d`, `a::c`.
fn expand(tree: &str, before: &[String], out: &mut dyn FnMut(Vec<String>)) {
    let tree = tree.trim();
    if let Some(open) = tree.find('{') {
        let head = names(&tree[..open]);
        let before = [before, &head].concat();
        let inside = &tree[open + 1..];
        let inside = inside.strip_suffix('}').unwrap_or(inside);
        let (mut depth, mut from) = (0, 0);
        for (at, c) in inside.char_indices().chain([(inside.len(), ',')]) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    expand(&inside[from..at], &before, out);
                    from = (at + 1).min(inside.len());
                }
                _ => {}
            }
        }
        return;
    }
    let path = tree.split(" as ").next().unwrap_or(tree);
    let mut path = [before, &names(path)].concat();
    if path.len() > 1 && path.last().is_some_and(|name| name == "self" || name == "*") {
        path.pop();
    }
    if !tree.is_empty() {
        out(path);
    }
}

fn names(path: &str) -> Vec<String> {
    path.split("::").map(str::trim).filter(|name| !name.is_empty()).map(String::from).collect()
}

/// Every path of two names or more in code.
fn paths(code: &str) -> Vec<Vec<String>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let runs = code.split(|c: char| !is_part(c)).filter(|run| run.contains("::"));
    runs.filter(|run| !run.starts_with(':')).map(names).filter(|path| path.len() > 1).collect()
}
