//! Files inside a room import in one direction: no circle. A file that only declares and re-exports others is no part of one.
//! Not here: arrows between rooms; see `arrows`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, File, Item, ItemMod, ItemUse, UseTree, Visibility};

/// Lines of a file in `src/`, above which it has a seam.
const MOST_LINES: usize = 400;

type Module = Vec<String>;

/// The modules of the crate, each with the paths that it names and the names that it passes on.
#[derive(Default)]
struct Crate {
    named: BTreeMap<Module, Vec<Module>>,
    passed_on: BTreeMap<Module, BTreeMap<String, Module>>,
}

/// Gathers the paths of one file.
struct Paths {
    module: Module,
    named: Vec<Module>,
    passed_on: Vec<Module>,
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let mut paths = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut paths);
        let is_private = matches!(item.vis, Visibility::Inherited);
        if is_private { &mut self.named } else { &mut self.passed_on }.extend(paths);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Module = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1 {
            self.named.push(names);
        }
        visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !item.attrs.iter().any(is_for_tests) {
            visit::visit_item_mod(self, item);
        }
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|of| of.is_ident("test"))
}

fn flatten(tree: &UseTree, before: &mut Module, paths: &mut Vec<Module>) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, paths);
            before.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|item| flatten(item, before, paths)),
        UseTree::Name(name) if name.ident == "self" => paths.push(before.clone()),
        UseTree::Name(name) => paths.push([before.as_slice(), &[name.ident.to_string()]].concat()),
        UseTree::Rename(name) => paths.push([before.as_slice(), &[name.ident.to_string()]].concat()),
        UseTree::Glob(_) => paths.push(before.clone()),
    }
}

impl Crate {
    fn read(root: &Path) -> Self {
        let mut read = Self::default();
        for (module, text) in files(root, &Vec::new()) {
            read.add(module, &syn::parse_file(&text).unwrap());
        }
        read
    }

    fn add(&mut self, module: Module, file: &File) {
        let mut paths = Paths { module: module.clone(), named: Vec::new(), passed_on: Vec::new() };
        paths.visit_file(file);
        let children: BTreeSet<String> = file.items.iter().filter_map(child).collect();
        let full = |paths: &Paths, path: &Module| absolute(&paths.module, &children, path);
        let named = paths.named.iter().filter_map(|path| full(&paths, path)).collect();
        let passed_on = paths.passed_on.iter().filter_map(|path| full(&paths, path));
        let passed_on = passed_on.map(|path| (path.last().unwrap().clone(), path)).collect();
        self.named.insert(module.clone(), named);
        self.passed_on.insert(module, passed_on);
    }

    /// The module that holds what a path names, re-exports followed.
    fn holder(&self, path: &[String]) -> Option<Module> {
        let module = (1..=path.len()).rev().map(|length| &path[..length]).find(|it| self.named.contains_key(*it))?;
        let passed_on = path.get(module.len()).and_then(|name| self.passed_on[module].get(name));
        match passed_on {
            Some(target) if target != path => self.holder(&[target, &path[module.len() + 1..]].concat()),
            _ => Some(module.to_vec()),
        }
    }

    /// Modules of the same room that each module names.
    fn arrows(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let of_room = |from: &Module, to: &Module| from.first() == to.first() && from != to;
        let arrows = self.named.iter().map(|(from, paths)| {
            let to = paths.iter().filter_map(|path| self.holder(path)).filter(|to| of_room(from, to)).collect();
            (from.clone(), to)
        });
        arrows.collect()
    }
}

fn child(item: &Item) -> Option<String> {
    match item {
        Item::Mod(item) => Some(item.ident.to_string()),
        _ => None,
    }
}

/// A path from the root of the crate; none where it leads out of the crate.
fn absolute(module: &Module, children: &BTreeSet<String>, path: &Module) -> Option<Module> {
    let supers = path.iter().take_while(|name| *name == "super").count();
    let (base, rest) = match path.first()?.as_str() {
        "crate" => (&[][..], &path[1..]),
        "self" => (module.as_slice(), &path[1..]),
        "super" => (&module[..module.len().checked_sub(supers)?], &path[supers..]),
        name if children.contains(name) => (module.as_slice(), path.as_slice()),
        _ => return None,
    };
    Some([base, rest].concat())
}

/// Every file below a folder by its module; `mod.rs` is its folder's.
fn files(folder: &Path, module: &Module) -> Vec<(Module, String)> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let own = [module.as_slice(), std::slice::from_ref(&name)].concat();
        if path.is_dir() {
            found.extend(files(&path, &own));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let of_folder = name == "mod" || name == "lib" || name == "main";
            let module = if of_folder { module.clone() } else { own };
            found.push((module, std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// Modules on circles: what each can reach includes itself.
fn on_circles(arrows: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<String> {
    let reaches_itself = |start: &Module| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![start]);
        while let Some(module) = next.pop() {
            for to in arrows.get(module).into_iter().flatten() {
                if to == start {
                    return true;
                }
                if seen.insert(to) {
                    next.push(to);
                }
            }
        }
        false
    };
    arrows.keys().filter(|module| reaches_itself(module)).map(|module| module.join("::")).collect()
}

#[test]
fn no_files_of_a_room_import_each_other_in_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let arrows = Crate::read(&root).arrows();
    assert!(arrows.values().map(BTreeSet::len).sum::<usize>() > 300, "the arrows were not found");
    let on_circles: Vec<_> = on_circles(&arrows).into_iter().collect();
    assert!(on_circles.is_empty(), "on circles:\n{}", on_circles.join("\n"));
}

#[test]
fn no_file_is_longer_than_a_seam_apart() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let long = files(&root, &Vec::new()).into_iter().map(|(module, text)| (module.join("::"), text.lines().count()));
    let long: Vec<_> = long.filter(|(_, lines)| *lines > MOST_LINES).collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn a_circle_is_found_through_re_exports_and_a_line_is_none() {
    let module = |name: &str| name.split("::").map(str::to_owned).collect::<Module>();
    let of = |files: &[(&str, &str)]| {
        let mut read = Crate::default();
        for (name, text) in files {
            read.add(module(name), &syn::parse_file(text).unwrap());
        }
        on_circles(&read.arrows())
    };
    let room = ("room", "mod a; mod b; pub use a::A; pub use b::B;");
    let (a, b) = (("room::a", "use crate::room::B; pub struct A;"), ("room::b", "pub struct B(super::A);"));
    assert_eq!(of(&[room, a, b]), ["room::a", "room::b"]);
    assert!(of(&[room, a, ("room::b", "pub struct B;")]).is_empty());
    let tests_only = ("room::b", "pub struct B; #[cfg(test)] mod tests { use super::super::A; }");
    assert!(of(&[room, a, tests_only]).is_empty());
    assert_eq!(of(&[("room", "mod a; pub fn short() {}"), ("room::a", "fn f() { super::short(); }")]).len(), 0);
    assert_eq!(of(&[("room", "mod a; pub fn f() { a::f(); }"), ("room::a", "pub fn f() { super::f(); }")]).len(), 2);
}
