//! The members of a body that we know, each read once and refused by name.

use crate::endpoint::api::Api;
use crate::error::{Code, Problem};
use crate::json::{Kind, Members, Value};
use std::time::Duration;

/// Most answers to one request.
const MAX_CHOICES: u64 = 128;

/// What a caller said about usage in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamOptions {
    /// `stream_options` is missing or null.
    Missing,
    /// There are options, without `include_usage: true`.
    WithoutUsage,
    /// Usage was asked for.
    WithUsage,
}

fn wrong(name: &str, must: &str) -> Problem {
    Problem::new(Code::InvalidRequest, format!("`{name}` {must}")).param(name)
}

/// Reads the members of a body, each of which may stand once; `null` counts as missing.
pub(super) struct Reader<'a> {
    pub body: &'a [u8],
    pub members: &'a Members,
}

impl<'a> Reader<'a> {
    pub fn get(&self, name: &str) -> Result<Option<Value<'a>>, Problem> {
        let value = self.members.get_unique(self.body, name)?;
        Ok(value.filter(|value| value.kind() != Kind::Null))
    }

    fn whole(&self, name: &str, min: u64, max: u64, must: &str) -> Result<Option<u64>, Problem> {
        let fits = |n: &u64| (min..=max).contains(n);
        self.get(name)?
            .map(|value| value.unsigned().filter(fits).ok_or_else(|| wrong(name, must)))
            .transpose()
    }

    fn flag(&self, name: &str) -> Result<bool, Problem> {
        let value =
            self.get(name)?.map(|value| value.bool().ok_or_else(|| wrong(name, "must be true or false")));
        Ok(value.transpose()?.unwrap_or(false))
    }

    pub fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        self.get(name)?
            .map(|text| Ok(text.string().ok_or_else(|| wrong(name, "must be a string"))?.to_text()))
            .transpose()
    }

    /// What is asked must be there, in the form of the API. Answers whether it stands in `prompt` where the pod gets
    /// messages.
    pub fn question(&self, api: Api) -> Result<bool, Problem> {
        match api {
            Api::ChatCompletions => self.messages().map(|()| false),
            Api::Chat if self.get("prompt")?.is_none() => self.messages().map(|()| false),
            Api::Chat if self.get("messages")?.is_some() => {
                Err(wrong("prompt", "stands beside `messages`; send one of the two"))
            }
            Api::Chat | Api::Tools => self.prompt().map(|()| true),
            Api::Completions => self.input("prompt").map(|()| false),
            Api::Embeddings => self.input("input").map(|()| false),
            // What a response may be made of is many things; the pod says what is missing.
            Api::Responses => Ok(false),
        }
    }

    fn messages(&self) -> Result<(), Problem> {
        let must =
            "must be a list of at least one message, such as {\"role\":\"user\",\"content\":\"Hello\"}";
        match self.get("messages")? {
            Some(messages) if messages.is_filled_array() => Ok(()),
            _ => Err(wrong("messages", must)),
        }
    }

    fn prompt(&self) -> Result<(), Problem> {
        match self.get("prompt")?.and_then(Value::string) {
            Some(text) if !text.is_empty() => Ok(()),
            _ => Err(wrong("prompt", "must be a text, such as \"Check inventory levels\"")),
        }
    }

    fn input(&self, name: &str) -> Result<(), Problem> {
        match self.get(name)? {
            Some(value) if value.kind() == Kind::String || value.is_filled_array() => Ok(()),
            _ => Err(wrong(name, "must be a text or a list that is not empty")),
        }
    }

    pub fn stream(&self, api: Api) -> Result<bool, Problem> {
        match api {
            Api::Embeddings => Ok(false),
            Api::Tools if self.flag("stream")? => {
                Err(wrong("stream", "must be false: this path does not stream; /v1/chat does"))
            }
            _ => self.flag("stream"),
        }
    }

    pub fn max_tokens(&self, api: Api) -> Result<Option<u64>, Problem> {
        // A text completion of no tokens gives back its prompt.
        let (min, must) = match api {
            Api::Completions => (0, "must be a whole number from 0"),
            _ => (1, "must be a whole number above 0"),
        };
        let mut limit = None;
        for name in api.token_limits() {
            limit = limit.max(self.whole(name, min, u64::MAX, must)?);
        }
        Ok(limit)
    }

    pub fn choices(&self, api: Api) -> Result<u64, Problem> {
        let must = "must be a whole number from 1 to 128";
        let asked = if api.has_choices() { self.whole("n", 1, MAX_CHOICES, must)? } else { None };
        Ok(asked.unwrap_or(1))
    }

    pub fn timeout_ms(&self) -> Result<Option<u64>, Problem> {
        let must = "must be a number of seconds, 0.5 at least";
        let Some(value) = self.get("timeout_seconds")? else { return Ok(None) };
        // In less no pod can be asked: the answer would be a timeout whatever it does.
        let seconds = value.float().filter(|s| *s >= 0.5).ok_or_else(|| wrong("timeout_seconds", must))?;
        // Beyond what a duration holds it is as long as can be; the agent's own limit comes on top.
        let millis = Duration::try_from_secs_f64(seconds)
            .map_or(u64::MAX, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX));
        Ok(Some(millis))
    }

    pub fn stream_options(&self, api: Api) -> Result<StreamOptions, Problem> {
        let options = if api.has_choices() { self.get("stream_options")? } else { None };
        let Some(options) = options else { return Ok(StreamOptions::Missing) };
        if options.kind() != Kind::Object {
            return Err(wrong("stream_options", "must be an object"));
        }
        let members = Members::parse_answer(options.raw())?;
        let value = members.get_unique(options.raw(), "include_usage")?;
        match value.filter(|value| value.kind() != Kind::Null).map(Value::bool) {
            None | Some(Some(false)) => Ok(StreamOptions::WithoutUsage),
            Some(Some(true)) => Ok(StreamOptions::WithUsage),
            Some(None) => Err(wrong("stream_options.include_usage", "must be true or false")),
        }
    }

    pub fn arguments(&self, api: Api) -> Result<(), Problem> {
        match self.get("arguments")? {
            Some(value) if api == Api::Tools && value.kind() != Kind::Object => {
                Err(wrong("arguments", "must be an object"))
            }
            _ => Ok(()),
        }
    }
}
