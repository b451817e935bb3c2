//! A list that is never empty.

/// Newest first.
#[derive(Debug, Clone)]
pub(super) struct Stack<T> {
    pub(super) newest: T,
    older: Vec<T>,
}

impl<T> Stack<T> {
    pub(super) fn new(newest: T, older: Vec<T>) -> Self {
        Self { newest, older }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    pub(super) fn oldest(&self) -> &T {
        self.older.last().unwrap_or(&self.newest)
    }

    pub(super) fn map<U>(&self, make: impl Fn(&T) -> U) -> Stack<U> {
        Stack { newest: make(&self.newest), older: self.older.iter().map(make).collect() }
    }
}
