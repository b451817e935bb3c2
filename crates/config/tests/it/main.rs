//! What a configuration may say, and how it is told what it may not.

mod example;
