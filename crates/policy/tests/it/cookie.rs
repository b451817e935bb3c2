//! The cookies, as they leave.

use std::time::Duration;

use doorward_policy::CookiePolicy;

#[test]
fn ses_02_the_names_bear_the_host_prefix_and_its_attributes() {
    let policy = CookiePolicy::doorward();
    for rule in [policy.session, policy.csrf, policy.device] {
        for text in [rule.set("v", None), rule.set("v", Some(Duration::from_secs(60))), rule.clear()] {
            let parts: Vec<&str> = text.split("; ").collect();
            assert!(parts[0].starts_with("__Host-doorward_"), "{text}");
            assert!(parts.contains(&"Secure") && parts.contains(&"Path=/"), "{text}");
            assert!(!text.to_ascii_lowercase().contains("domain"), "{text}");
            assert!(parts.iter().any(|part| matches!(*part, "SameSite=Lax" | "SameSite=Strict")), "{text}");
        }
    }
}

#[test]
fn the_credential_is_kept_from_script_and_the_token_is_not() {
    let policy = CookiePolicy::doorward();
    assert_eq!(policy.session.set("v", None), "__Host-doorward_session=v; Path=/; Secure; HttpOnly; SameSite=Lax");
    assert_eq!(policy.device.set("v", None), "__Host-doorward_device=v; Path=/; Secure; HttpOnly; SameSite=Lax");
    assert_eq!(policy.csrf.set("v", None), "__Host-doorward_csrf=v; Path=/; Secure; SameSite=Strict");
    assert_eq!(policy.session.clear(), "__Host-doorward_session=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
}
