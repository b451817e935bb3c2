//! Our own configuration: once without limits that a benchmark would meet, once with those that everybody has.

use super::Ground;

impl Ground {
    pub(super) fn doorward_toml(&self, is_unlimited: bool) -> String {
        let limits = if is_unlimited {
            "# Limits so wide that they count every request and refuse none; only development lets them load.\n[limits]\n\
             edge = \"1000000/s\"\nedge_auth = \"1000000/s\"\nauth_login = \"1000000/s\"\n"
        } else {
            ""
        };
        format!(
            "version = 1\n\n[site]\norigin = \"https://localhost:{port}\"\nenv = \"development\"\ndata_dir = \"data\"\nkey_file = \"master.key\"\n\n\
             [listen]\nhttps = [\"127.0.0.1:{port}\"]\nhttp = [\"127.0.0.1:{plain}\"]\n\n\
             [tls]\nsource = \"files\"\ncertificate = \"site.pem\"\nkey = \"site.key\"\n\n\
             [mail]\nurl = \"file\"\nfrom = \"Bench <no-reply@localhost.test>\"\n\n\
             [[upstream]]\nname = \"web\"\nurl = \"http://127.0.0.1:{upstream}\"\n\n\
             [[route]]\npath = \"/\"\nupstream = \"web\"\naccess = \"public\"\n\n\
             [[route]]\npath = \"/members\"\nupstream = \"web\"\naccess = \"signed-in\"\n\n{limits}",
            port = self.doorward.tls,
            plain = self.doorward.plain,
            upstream = self.upstream
        )
    }
}
