//! The main job on real input: a real browser, a real API, a real admin.

mod acme;
mod activation;
mod browser;
mod confined;
mod counters;
mod crash;
mod export;
mod gated;
mod log;
mod mail;
mod nodes;
mod passkey;
mod postgres;
mod provider;
mod provider_lies;
mod provider_page;
mod provider_trail;
mod race;
mod score;
mod service;
mod story;
mod trail;
