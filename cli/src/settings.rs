//! Where the deployment is, and the credentials: from the environment, else from a file that only its owner reads.
//!
//! The file is `moltghost/config.json` below `$XDG_CONFIG_HOME` (else `~/.config`), or what `MOLTGHOST_CONFIG` names.
//! Invariant: it is written whole or not at all, with mode 0600, and is not read while others could.

use crate::failure::{Failure, Kind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Address of a deployment's control API.
pub const API: &str = "MOLTGHOST_API";
/// Account token, or the operator's.
pub const TOKEN: &str = "MOLTGHOST_TOKEN";
/// Address of the network, where it cannot be told from the API's.
pub const NETWORK: &str = "MOLTGHOST_NETWORK";
/// A token of the network with the scope `admin`.
pub const NETWORK_TOKEN: &str = "MOLTGHOST_NETWORK_TOKEN";
/// Token of a connector.
pub const CONNECT_TOKEN: &str = "MOLTGHOST_CONNECT_TOKEN";
/// Another place for the file.
pub const CONFIG: &str = "MOLTGHOST_CONFIG";

/// What the file holds. What it does not name is not set.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stored {
    /// Address of the control API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// Account token, or the operator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Address of the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Token of the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_token: Option<String>,
    /// Connect tokens by the id of their agent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub connect_tokens: BTreeMap<String, String>,
}

/// The settings of one run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the file is, or would be; nothing where there is no place for it.
    pub path: PathBuf,
    /// What it holds.
    pub stored: Stored,
}

impl Settings {
    /// Reads the file, if there is one: a container that has all from its environment need have no home.
    ///
    /// # Errors
    /// It cannot be read, or others can read it.
    pub fn load() -> Result<Self, Failure> {
        let Some(path) = path() else {
            return Ok(Self { path: PathBuf::new(), stored: Stored::default() });
        };
        let stored = match std::fs::read(&path) {
            Ok(bytes) => {
                check_private(&path)?;
                serde_json::from_slice(&bytes).map_err(|error| {
                    Failure::new(Kind::Other, format!("{} cannot be read: {error}.", path.display()))
                        .next("Mend it, or remove it and run: moltghost login")
                })?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Stored::default(),
            Err(error) => return Err(Failure::new(Kind::Other, format!("{}: {error}.", path.display()))),
        };
        Ok(Self { path, stored })
    }

    /// The file, for people.
    pub fn file(&self) -> String {
        if self.path.as_os_str().is_empty() {
            "none".to_owned()
        } else {
            self.path.display().to_string()
        }
    }

    /// Writes the file: beside it first, then in its place.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::new(Kind::Other, format!("{} cannot be written: {error}.", self.path.display()))
                .next(format!("Name another place in {CONFIG}, or pass credentials in the environment."))
        };
        if self.path.as_os_str().is_empty() {
            return Err(Failure::new(Kind::Other, "There is no HOME to keep settings in.")
                .next(format!("Set {CONFIG}, or pass credentials in the environment.")));
        }
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let text = serde_json::to_string_pretty(&self.stored)
            .map_err(|e| Failure::new(Kind::Other, e.to_string()))?;
        let beside = self.path.with_extension(format!("{}.new", std::process::id()));
        let written =
            write_private(&beside, text.as_bytes()).and_then(|()| std::fs::rename(&beside, &self.path));
        written.map_err(|error| {
            let _ = std::fs::remove_file(&beside);
            failed(error)
        })
    }

    /// Keeps an agent's connect token for connectors on this machine; answers where.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep_connect_token(&mut self, agent: &str, token: &str) -> Result<String, Failure> {
        self.stored.connect_tokens.insert(agent.to_owned(), token.to_owned());
        self.save()?;
        Ok(self.file())
    }

    /// Address of the control API, without `/api/v1`.
    ///
    /// # Errors
    /// None is set, or what is set is no address.
    pub fn api(&self) -> Result<String, Failure> {
        let Some(given) = variable(API).or_else(|| self.stored.api.clone()) else {
            return Err(Failure::new(Kind::Credential, "No deployment is set.")
                .next(format!("Run: moltghost login https://api.example.com (or set {API}; make run serves http://127.0.0.1:8787)")));
        };
        address(&given).map_err(|why| {
            Failure::new(Kind::Usage, format!("{given} is no address of a deployment: {why}."))
        })
    }

    /// The token of the control API.
    ///
    /// # Errors
    /// None is set.
    pub fn token(&self) -> Result<String, Failure> {
        variable(TOKEN).or_else(|| self.stored.token.clone()).ok_or_else(|| {
            Failure::new(Kind::Credential, "No token is set.")
                .next(format!("Run: moltghost login (or set {TOKEN})"))
        })
    }

    /// Address of the network: what is set, else `net.` in place of the API's `api.`, else the API's.
    ///
    /// # Errors
    /// None can be told.
    pub fn network(&self) -> Result<String, Failure> {
        if let Some(given) = variable(NETWORK).or_else(|| self.stored.network.clone()) {
            return address(&given).map_err(|why| {
                Failure::new(Kind::Usage, format!("{given} is no address of a network: {why}."))
            });
        }
        let api = self.api()?;
        Ok(match api.split_once("://api.") {
            Some((scheme, rest)) => format!("{scheme}://net.{rest}"),
            None => api,
        })
    }

    /// The token of the network, if any.
    pub fn network_token(&self) -> Option<String> {
        variable(NETWORK_TOKEN).or_else(|| self.stored.network_token.clone())
    }
}

/// A variable that is set to something.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// An address in its normal form: scheme and host, perhaps with a port.
///
/// # Errors
/// What is wrong with it.
pub fn address(text: &str) -> Result<String, &'static str> {
    let text = text.trim().trim_end_matches('/');
    let text = text.strip_suffix("/api/v1").unwrap_or(text);
    let uri: hyper::Uri = text.parse().map_err(|_| "write it as https://api.example.com")?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("it must begin with https:// (or http:// on this machine)");
    };
    if authority.as_str().contains('@') {
        return Err("credentials do not belong into it");
    }
    if uri.path_and_query().is_some_and(|path| path.as_str() != "/") {
        return Err("it must end with the host");
    }
    match scheme {
        "https" => {}
        // Tokens are not sent in the clear over a network.
        "http" if moltghost_protocol::host::is_loopback(authority.as_str()) => {}
        "http" => return Err("http:// is only for this machine; use https://"),
        _ => return Err("it must begin with https:// (or http:// on this machine)"),
    }
    Ok(format!("{scheme}://{authority}"))
}

fn path() -> Option<PathBuf> {
    if let Some(path) = variable(CONFIG) {
        return Some(PathBuf::from(path));
    }
    let base = variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".config")));
    base.map(|base| base.join("moltghost/config.json"))
}

#[cfg(unix)]
fn check_private(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode.trailing_zeros() >= 6 {
        return Ok(());
    }
    Err(Failure::new(
        Kind::Credential,
        format!("{} holds credentials and others can read it.", path.display()),
    )
    .next(format!("Run: chmod 600 {}", path.display())))
}

#[cfg(not(unix))]
fn check_private(_: &Path) -> Result<(), Failure> {
    Ok(())
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_end_with_the_host() {
        for (given, read) in [
            ("https://api.example.com", "https://api.example.com"),
            (" https://api.example.com/ ", "https://api.example.com"),
            ("http://127.0.0.1:8787/api/v1", "http://127.0.0.1:8787"),
            ("http://localhost:8787/api/v1/", "http://localhost:8787"),
        ] {
            assert_eq!(address(given).as_deref(), Ok(read));
        }
        for given in [
            "",
            "api.example.com",
            "http://api.example.com",
            "https://a:b@c.example",
            "https://a.example/x",
            "ftp://a",
        ] {
            assert!(address(given).is_err(), "{given}");
        }
    }

    #[test]
    fn the_network_stands_beside_the_api() {
        let at = |api: &str| {
            let stored = Stored { api: Some(api.into()), ..Stored::default() };
            Settings { path: PathBuf::new(), stored }.network().unwrap()
        };
        assert_eq!(at("https://api.example.com"), "https://net.example.com");
        assert_eq!(at("http://127.0.0.1:8787"), "http://127.0.0.1:8787");
    }
}
