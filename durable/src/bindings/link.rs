//! The Worker's end of a link: an answer that streams what an object sends.

use super::object::Place;
use super::{entry, glue, task, Failure};
use moltghost_protocol::time::Millis;
use wasm_bindgen::JsValue;

/// A link to an object. Who opens it answers with [`Link::respond`] or lets go with [`Link::close`].
pub struct Link(glue::Link);

/// What a stream says between its events.
#[derive(Debug, Clone, Copy)]
pub struct Comments {
    /// When it is open.
    pub open: &'static str,
    /// Now and then while nothing happens.
    pub alive: &'static str,
}

/// When a stream ends by itself, and what its reader is told then.
pub struct Farewell<'a> {
    /// After how many milliseconds its credential expires.
    pub after_ms: Option<Millis>,
    /// The event for that.
    pub expired: &'a str,
    /// The event for a link that cannot be made anew.
    pub lost: &'a str,
}

impl Link {
    /// A link that is not made yet. `message` asks the object for it and goes on from `cursor`; both are sent again
    /// whenever the link must be made anew.
    ///
    /// # Errors
    /// Where the context is not one.
    #[allow(clippy::too_many_arguments, reason = "three of them are the request's own")]
    pub fn new(
        request: &JsValue,
        ctx: &JsValue,
        env: &JsValue,
        object: &Place,
        cursor: &str,
        message: &str,
        comments: Comments,
    ) -> Result<Self, Failure> {
        let comments = format!("{}\n{}", comments.open, comments.alive);
        Ok(Self(glue::Link::new(request, ctx, env, &object.0, cursor, message, &comments)?))
    }

    /// Makes the link. Answers the object's first word.
    ///
    /// # Errors
    /// Where the object cannot be reached.
    pub async fn open(&self) -> Result<String, Failure> {
        let word = task::settled(&self.0.open()?).await?;
        word.as_string().ok_or_else(|| Failure("an object began a link without text".to_owned()))
    }

    /// The response that streams; `headers` are `name: value\n` lines.
    ///
    /// # Errors
    /// Where a header is not one.
    pub fn respond(&self, headers: &str, farewell: &Farewell<'_>) -> Result<JsValue, Failure> {
        #[allow(clippy::cast_precision_loss, reason = "spans are far below 2^53")]
        let ends = farewell.after_ms.map_or(-1.0, |ms| ms.max(0) as f64);
        Ok(self.0.respond(200, headers, ends, farewell.expired, farewell.lost)?)
    }

    /// Lets go of everything.
    pub fn close(&self) {
        if let Err(error) = self.0.close() {
            entry::log("link_unclosed", &Failure::from(error).to_string());
        }
    }
}
