//! Traefik with its dashboard, and one router to show on it.

use std::path::Path;
use std::process::Command;

use super::{Server, parts};
use crate::address::free_port;

impl Server {
    /// Traefik whose only entry point is its own: dashboard, API and ping. State and log go to `folder`.
    ///
    /// # Panics
    /// When it is missing (`cargo xtask test` installs it).
    #[track_caller]
    #[must_use]
    pub fn traefik(folder: &Path) -> Self {
        let port = free_port();
        let routers = folder.join("routers.yml");
        let file = folder.join("traefik.yml");
        std::fs::write(
            &routers,
            "http:\n  routers:\n    shop: {rule: \"Host(`shop.test`)\", entryPoints: [traefik], service: shop}\n  services:\n    \
             shop: {loadBalancer: {servers: [{url: \"http://127.0.0.1:9\"}]}}\n",
        )
        .unwrap();
        std::fs::write(
            &file,
            format!(
                "global: {{checkNewVersion: false, sendAnonymousUsage: false}}\nentryPoints:\n  traefik: {{address: \"127.0.0.1:{port}\"}}\n\
                 api: {{dashboard: true, insecure: true, disableDashboardAd: true}}\nping: {{}}\nproviders: {{file: {{filename: {routers:?}}}}}\n"
            ),
        )
        .unwrap();
        let mut command = Command::new(parts().join("rivals/bin/traefik"));
        command.arg(format!("--configFile={}", file.display())).current_dir(folder);
        Self::spawn(command, folder, "traefik", port, "/ping")
    }
}
