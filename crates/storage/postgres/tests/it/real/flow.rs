//! The flows of the domain, the same tests that run over SQLite.

#[path = "../../../../sqlite/tests/it/change_email.rs"]
mod change_email;
#[path = "../../../../sqlite/tests/it/delete.rs"]
mod delete;
#[path = "../../../../sqlite/tests/it/device.rs"]
mod device;
#[path = "../../../../sqlite/tests/it/factor.rs"]
mod factor;
#[path = "../../../../sqlite/tests/it/injection.rs"]
mod injection;
#[path = "../../../../sqlite/tests/it/invite.rs"]
mod invite;
#[path = "../../../../sqlite/tests/it/key_rotation.rs"]
mod key_rotation;
#[path = "../../../../sqlite/tests/it/notice.rs"]
mod notice;
#[path = "../../../../sqlite/tests/it/operator.rs"]
mod operator;
#[path = "../../../../sqlite/tests/it/outage.rs"]
mod outage;
#[path = "../../../../sqlite/tests/it/passkey.rs"]
mod passkey;
#[path = "../../../../sqlite/tests/it/passkey_enrolment.rs"]
mod passkey_enrolment;
#[path = "../../../../sqlite/tests/it/password.rs"]
mod password;
#[path = "../../../../sqlite/tests/it/prehijack.rs"]
mod prehijack;
#[path = "../../../../sqlite/tests/it/profile.rs"]
mod profile;
#[path = "../../../../sqlite/tests/it/provider.rs"]
mod provider;
#[path = "../../../../sqlite/tests/it/recovery.rs"]
mod recovery;
#[path = "../../../../sqlite/tests/it/recovery_code.rs"]
mod recovery_code;
#[path = "../../../../sqlite/tests/it/rotation.rs"]
mod rotation;
#[path = "../../../../sqlite/tests/it/second_step.rs"]
mod second_step;
#[path = "../../../../sqlite/tests/it/session.rs"]
mod session;
#[path = "../../../../sqlite/tests/it/sign_in.rs"]
mod sign_in;
#[path = "../../../../sqlite/tests/it/sign_up.rs"]
mod sign_up;
#[path = "../../../../sqlite/tests/it/step_up.rs"]
mod step_up;
#[path = "../../../../sqlite/tests/it/throttle.rs"]
mod throttle;
#[path = "../../../../sqlite/tests/it/totp.rs"]
mod totp;
