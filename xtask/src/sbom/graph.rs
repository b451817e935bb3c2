//! Packages and who needs whom, as `cargo metadata` tells.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::TaskError;

/// Everything in the tree.
pub(super) struct Graph {
    packages: BTreeMap<String, Package>,
    nodes: BTreeMap<String, Vec<Dependency>>,
}

/// One package.
#[derive(Deserialize)]
pub(super) struct Package {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) repository: Option<String>,
    license: Option<String>,
    source: Option<String>,
    #[serde(default)]
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

/// How the binary comes to a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// It only helps to build.
    Built,
    /// It is in there.
    Linked,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

impl Dependency {
    /// `None` for what only tests use.
    fn reach(&self) -> Option<Reach> {
        let kinds = self.dep_kinds.iter().filter_map(|kind| match kind.kind.as_deref() {
            None => Some(Reach::Linked),
            Some("build") => Some(Reach::Built),
            Some(_) => None,
        });
        kinds.max()
    }
}

impl Package {
    /// The package's name for other programs (package-url).
    pub(super) fn purl(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version.replace('+', "%2B"))
    }

    /// Whether it was published, and so has a checksum.
    pub(super) fn is_from_registry(&self) -> bool {
        self.source.is_some()
    }

    /// What is left of the way to it: a macro runs in the compiler, and so does everything that it needs.
    fn bounded(&self, reach: Reach) -> Reach {
        let is_macro = self.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "proc-macro"));
        if is_macro { Reach::Built } else { reach }
    }

    /// An SPDX expression; older packages write a slash for `OR`.
    ///
    /// # Errors
    /// When the package does not say.
    pub(super) fn license(&self) -> Result<String, TaskError> {
        let text = self.license.as_deref().filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| TaskError::NotRight(format!("{} {} names no licence", self.name, self.version)))?;
        Ok(text.split('/').map(str::trim).collect::<Vec<_>>().join(" OR "))
    }
}

impl Graph {
    /// # Errors
    /// When the text is not what cargo prints.
    pub(super) fn parse(text: &str) -> Result<Self, TaskError> {
        let Metadata { packages, resolve } =
            serde_json::from_str(text).map_err(|error| TaskError::Undone(format!("cargo metadata: {error}")))?;
        Ok(Self {
            packages: packages.into_iter().map(|package| (package.id.clone(), package)).collect(),
            nodes: resolve.nodes.into_iter().map(|node| (node.id, node.deps)).collect(),
        })
    }

    /// Forgets every other package.
    pub(super) fn keep(&mut self, is_kept: impl Fn(&Package) -> bool) {
        self.packages.retain(|_, package| is_kept(package));
    }

    /// # Errors
    /// When there is none of that name.
    pub(super) fn package(&self, name: &str) -> Result<&Package, TaskError> {
        let found = self.packages.values().find(|package| package.name == name);
        found.ok_or_else(|| TaskError::Undone(format!("there is no package {name}")))
    }

    /// What a package needs, tests aside.
    pub(super) fn dependencies<'g>(&'g self, package: &Package) -> impl Iterator<Item = &'g Package> + use<'g> {
        let needed = self.nodes.get(&package.id).into_iter().flatten().filter(|dependency| dependency.reach().is_some());
        needed.filter_map(|dependency| self.packages.get(&dependency.pkg))
    }

    /// Everything that a package comes to, itself included, and whether it is linked or only builds; sorted by name and version.
    ///
    /// # Errors
    /// When there is no such package.
    pub(super) fn reached(&self, name: &str) -> Result<Vec<(&Package, Reach)>, TaskError> {
        let mut found: BTreeMap<&str, Reach> = BTreeMap::new();
        let mut open = vec![(self.package(name)?.id.as_str(), Reach::Linked)];
        while let Some((id, reach)) = open.pop() {
            if found.get(id).is_some_and(|known| *known >= reach) {
                continue;
            }
            found.insert(id, reach);
            for dependency in self.nodes.get(id).into_iter().flatten() {
                // What builds a builder builds.
                let needed = dependency.reach().zip(self.packages.get(&dependency.pkg));
                open.extend(needed.map(|(own, package)| (package.id.as_str(), package.bounded(own.min(reach)))));
            }
        }
        let mut list: Vec<_> = found.iter().filter_map(|(id, reach)| Some((self.packages.get(*id)?, *reach))).collect();
        list.sort_by(|(a, _), (b, _)| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        Ok(list)
    }
}
