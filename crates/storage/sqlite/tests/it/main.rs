//! The store against its contract, and the flows of the domain over it: real parts, a manual clock, repeatable chance.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod audit;
mod authenticator;
mod change_email;
mod contract;
mod database;
mod delete;
mod device;
mod factor;
mod file;
mod injection;
mod invite;
mod key_rotation;
mod notice;
mod opaque;
mod operator;
mod outage;
mod outbox;
mod owner;
mod passkey;
mod passkey_enrolment;
mod passkey_noise;
mod password;
mod prehijack;
mod profile;
mod provider;
mod recovery;
mod recovery_code;
mod rotation;
mod scripted;
mod second;
mod second_step;
mod session;
mod sign_in;
mod sign_up;
mod step_up;
mod support;
mod tamper;
mod throttle;
mod totp;
