//! How an agent's pod is reached, as its owner says it (agent-endpoints §7).

use super::fields::{wrong, Fields};
use crate::error::Problem;
use crate::origin::{check_header, MAX_HEADERS};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How the pod is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The pod dials out to us.
    Tunnel,
    /// A URL that the Worker fetches, with fixed secret headers.
    Http {
        /// Base URL, checked by [`crate::origin::OriginRules`].
        url: String,
        /// Names (lower case) and values; the values are shown by no route.
        headers: BTreeMap<String, String>,
    },
}

/// Reads an origin.
///
/// # Errors
/// `invalid_request` naming the field.
pub(super) fn take_origin(mut fields: Fields) -> Result<Origin, Problem> {
    let kind: String = fields.required("type")?;
    let origin = match kind.as_str() {
        "tunnel" => Origin::Tunnel,
        "http" => {
            let url = fields.required("url")?;
            let given =
                fields.nested("headers")?.map(Fields::rest::<String>).transpose()?.unwrap_or_default();
            if given.len() > MAX_HEADERS {
                return Err(wrong("origin.headers", "there may be at most 16"));
            }
            let mut headers = BTreeMap::new();
            for (name, value) in given {
                check_header(&name, &value).map_err(|why| wrong(&format!("origin.headers.{name}"), why))?;
                if headers.insert(name.to_ascii_lowercase(), value).is_some() {
                    return Err(wrong(
                        &format!("origin.headers.{name}"),
                        "it stands twice, in two spellings",
                    ));
                }
            }
            Origin::Http { url, headers }
        }
        _ => return Err(wrong("origin.type", "it must be tunnel or http")),
    };
    fields.finish()?;
    Ok(origin)
}
