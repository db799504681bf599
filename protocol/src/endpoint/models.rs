//! The models of an agent (agent-endpoints §2): the pod's list, cut by what the owner allows.

use crate::error::{Code, Problem};
use serde::Serialize;
use serde_json::Value;

/// Most names that a refusal tells.
const MOST_TOLD: usize = 64;

/// One model in `OpenAI`'s form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Model {
    /// Its id.
    pub id: String,
    /// Always `model`.
    object: &'static str,
    /// When it was made, in seconds since 1970; 0 where the pod does not say.
    created: i64,
    /// Whose it is; `agent` where the pod does not say.
    owned_by: String,
}

impl Model {
    fn named(id: &str) -> Self {
        Self { id: id.to_owned(), object: "model", created: 0, owned_by: "agent".to_owned() }
    }

    fn read(entry: &Value) -> Option<Self> {
        let mut model = Self::named(entry.get("id")?.as_str().filter(|id| is_model(id))?);
        model.created = entry.get("created").and_then(Value::as_i64).unwrap_or_default();
        if let Some(owner) = entry.get("owned_by").and_then(Value::as_str) {
            owner.clone_into(&mut model.owned_by);
        }
        Some(model)
    }
}

/// Whether a text can be the id of a model.
pub fn is_model(text: &str) -> bool {
    (1..=256).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// The models of a pod's list; entries without an id that can be one are left out. `None` where the body is no JSON object.
pub fn listed(body: &str) -> Option<Vec<Model>> {
    let body: Value = serde_json::from_str(body).ok()?;
    let entries = body.as_object()?.get("data").and_then(Value::as_array);
    Some(entries.into_iter().flatten().filter_map(Model::read).collect())
}

/// What callers are shown: of the pod's models those that are `allowed` (all if there are none); where the pod lists
/// none, those that are allowed or else the one that is configured.
pub fn offered(pod: &[Model], allowed: &[String], configured: Option<&str>) -> Vec<Model> {
    if pod.is_empty() {
        let names = allowed.iter().map(String::as_str);
        return names.chain(configured.filter(|_| allowed.is_empty())).map(Model::named).collect();
    }
    let fits = |model: &&Model| allowed.is_empty() || allowed.contains(&model.id);
    pod.iter().filter(fits).cloned().collect()
}

/// The model that a request without one gets: the configured one, else the first that is allowed.
pub fn default<'a>(configured: Option<&'a str>, allowed: &'a [String]) -> Option<&'a str> {
    configured.or_else(|| allowed.first().map(String::as_str))
}

/// Whether callers may ask for `model`.
///
/// # Errors
/// `model_not_found` naming those that they may.
pub fn check(model: Option<&str>, allowed: &[String]) -> Result<(), Problem> {
    match model {
        Some(model) if !allowed.is_empty() && !allowed.iter().any(|a| a == model) => Err(missing(allowed)),
        _ => Ok(()),
    }
}

/// `model_not_found`, naming the models that there are.
pub fn missing<T: AsRef<str>>(known: &[T]) -> Problem {
    let has = if known.is_empty() { "none that are known".to_owned() } else { told(known) };
    Problem::new(Code::ModelNotFound, format!("This agent has no such model. It has: {has}.")).param("model")
}

/// The names that a refusal tells: the first ones, as a pod may list any number.
pub(super) fn told<T: AsRef<str>>(names: &[T]) -> String {
    let first: Vec<&str> = names.iter().take(MOST_TOLD).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(MOST_TOLD) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

impl AsRef<str> for Model {
    fn as_ref(&self) -> &str {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(models: &[Model]) -> Vec<&str> {
        models.iter().map(AsRef::as_ref).collect()
    }

    fn names(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn entries_are_read_as_far_as_they_make_sense() {
        let body = r#"{"data":[{"id":"a","created":7,"owned_by":"x","secret":1},{"name":"b"},{"id":3},{"id":""},{"id":"x\ny"},{"id":"c"}]}"#;
        let models = listed(body).unwrap();
        assert_eq!(
            serde_json::to_string(&models).unwrap(),
            r#"[{"id":"a","object":"model","created":7,"owned_by":"x"},{"id":"c","object":"model","created":0,"owned_by":"agent"}]"#
        );
        assert_eq!(listed("{}"), Some(vec![]));
        assert_eq!((listed("[]"), listed("<html>")), (None, None));
    }

    #[test]
    fn the_pods_list_is_cut_by_what_is_allowed() {
        let pod = listed(r#"{"data":[{"id":"a"},{"id":"b"},{"id":"c"}]}"#).unwrap();
        assert_eq!(ids(&offered(&pod, &[], Some("z"))), ["a", "b", "c"]);
        assert_eq!(ids(&offered(&pod, &names("c a x"), None)), ["a", "c"]);
        assert!(offered(&pod, &names("x"), None).is_empty());
        assert_eq!(ids(&offered(&[], &names("x y"), Some("x"))), ["x", "y"]);
        assert_eq!(ids(&offered(&[], &[], Some("z"))), ["z"]);
        assert!(offered(&[], &[], None).is_empty());
    }

    #[test]
    fn what_is_not_allowed_is_refused_with_what_is() {
        assert_eq!(check(Some("x"), &[]), Ok(()));
        assert_eq!(check(None, &names("a")), Ok(()));
        assert_eq!(check(Some("a"), &names("b a")), Ok(()));
        let problem = check(Some("x"), &names("b a")).unwrap_err();
        assert_eq!((problem.code, problem.param.as_deref()), (Code::ModelNotFound, Some("model")));
        assert!(problem.message.ends_with("It has: b, a."));
        let many: Vec<String> = (0..66).map(|n| format!("m{n}")).collect();
        assert!(missing(&many[..64]).message.ends_with(" m62, m63."));
        assert!(missing(&many).message.ends_with(" m63 and 2 more."));
        assert_eq!(default(None, &names("b a")), Some("b"));
        assert_eq!(default(Some("a"), &names("b a")), Some("a"));
        assert_eq!(default(None, &[]), None);
    }
}
