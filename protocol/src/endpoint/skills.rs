//! `tools` of a chat request: names of skills are taken out of the list, function objects of the `OpenAI` form stay
//! (agent-endpoints §2). The documents of the platform write names where `OpenAI` writes objects; both may be mixed.

use crate::error::{Code, Problem};
use crate::json::{Kind, RawStr, Value};

/// Most names in one request.
pub const MAX_SKILLS: usize = 64;

/// Longest name in characters.
pub const MAX_SKILL_LENGTH: usize = 64;

/// A list of tools, split.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tools {
    /// Names of skills, in the order of the list.
    pub skills: Vec<String>,
    /// What the list must become: `None` if it had no names and so stays as it is, an empty text if it had nothing
    /// else and so goes, otherwise the text of the list of what stays.
    pub rest: Option<Vec<u8>>,
}

/// Splits the value of `tools`; `null` and an empty list are left alone.
pub fn split_tools(tools: Value<'_>) -> Result<Tools, Problem> {
    let refuse = |message: &str| Err(Problem::new(Code::InvalidRequest, message).param("tools"));
    match tools.kind() {
        Kind::Null => return Ok(Tools::default()),
        Kind::Array => {}
        _ => return refuse("`tools` must be a list of function objects and names of skills"),
    }
    let mut skills = Vec::new();
    for tool in tools.elements() {
        match tool.kind() {
            Kind::String => {
                let name = tool.string().map(RawStr::to_text).unwrap_or_default();
                if !is_skill(&name) {
                    return refuse("a name in `tools` must be 1 to 64 letters, digits, `_`, `.` and `-`");
                }
                if skills.len() == MAX_SKILLS {
                    return refuse("`tools` holds more than 64 names of skills");
                }
                skills.push(name);
            }
            Kind::Object => {}
            _ => return refuse("an entry of `tools` must be a function object or the name of a skill"),
        }
    }
    let rest = (!skills.is_empty()).then(|| {
        let mut rest = Vec::new();
        for tool in tools.elements().filter(|tool| tool.kind() == Kind::Object) {
            rest.push(if rest.is_empty() { b'[' } else { b',' });
            rest.extend_from_slice(tool.raw());
        }
        if !rest.is_empty() {
            rest.push(b']');
        }
        rest
    });
    Ok(Tools { skills, rest })
}

/// The names in a pod's list of skills, `GET /v1/tools`: an array, or an object with one in `data`, `tools` or `skills`;
/// its entries are names, or objects with one in `name`, `id` or `function.name`. `None` for anything else.
pub fn listed(body: &str) -> Option<Vec<String>> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    let list = ["data", "tools", "skills"].iter().find_map(|name| body.get(name)).unwrap_or(&body);
    let name = |entry: &serde_json::Value| {
        let name = ["/name", "/id", "/function/name"].iter().find_map(|path| entry.pointer(path));
        name.unwrap_or(entry).as_str().map(str::to_owned)
    };
    Some(list.as_array()?.iter().filter_map(name).filter(|name| is_skill(name)).collect())
}

/// `unknown_tool` for the first of `asked` that the pod does not list.
///
/// # Errors
/// The refusal, which names the skills that there are.
pub fn check(asked: &[String], known: &[String]) -> Result<(), Problem> {
    let Some(unknown) = asked.iter().find(|name| !known.contains(name)) else { return Ok(()) };
    let has = if known.is_empty() { "none".to_owned() } else { super::models::told(known) };
    let message = format!("The agent has no skill `{unknown}`. It has: {has}.");
    Err(Problem::new(Code::UnknownTool, message).param("tools"))
}

/// Whether `name` can be the name of a skill; such a name can stand in a header as it is.
pub fn is_skill(name: &str) -> bool {
    (1..=MAX_SKILL_LENGTH).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Result<(Vec<String>, Option<String>), Problem> {
        let tools = split_tools(Value(text.as_bytes()))?;
        Ok((tools.skills, tools.rest.map(|rest| String::from_utf8(rest).unwrap())))
    }

    #[test]
    fn names_go_and_objects_stay_byte_for_byte() {
        let list = r#"[ "crm_query" , {"type": "function"},"a.b-c", {"x":1 } ]"#;
        let names = vec!["crm_query".to_owned(), "a.b-c".to_owned()];
        assert_eq!(split(list).unwrap(), (names, Some(r#"[{"type": "function"},{"x":1 }]"#.to_owned())));
        assert_eq!(split(r#"["\u0061"]"#).unwrap(), (vec!["a".to_owned()], Some(String::new())));
    }

    #[test]
    fn a_pod_lists_its_skills_in_one_of_several_forms() {
        for list in [
            r#"["a","b"]"#,
            r#"{"object":"list","data":[{"id":"a"},{"name":"b","id":"x"}]}"#,
            r#"{"tools":[{"type":"function","function":{"name":"a"}},"b"]}"#,
            r#"{"skills":["a",7,{},"not a name","b"]}"#,
        ] {
            assert_eq!(listed(list), Some(vec!["a".to_owned(), "b".to_owned()]), "{list}");
        }
        for other in ["", "{}", "null", "\"a\"", r#"{"data":{}}"#] {
            assert_eq!(listed(other), None, "{other}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_that_there_are() {
        let names = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(check(&names("a b"), &names("b a c")), Ok(()));
        let problem = check(&names("a x"), &names("b a")).unwrap_err();
        assert_eq!((problem.code, problem.param.as_deref()), (Code::UnknownTool, Some("tools")));
        assert_eq!(problem.message, "The agent has no skill `x`. It has: b, a.");
        assert!(check(&names("a"), &[]).unwrap_err().message.ends_with("It has: none."));
    }

    #[test]
    fn a_list_without_names_is_left_alone() {
        for list in ["[]", "null", r#"[{"type":"function"}]"#] {
            assert_eq!(split(list).unwrap(), (vec![], None), "{list}");
        }
    }

    #[test]
    fn anything_else_is_refused_by_name() {
        let long = format!("[\"{}\"]", "a".repeat(65));
        let many = format!("[{}]", vec!["\"a\""; 65].join(","));
        for list in [
            "{}",
            "\"a\"",
            "[1]",
            "[null]",
            "[[]]",
            "[\"\"]",
            "[\"a b\"]",
            "[\"a\\n\"]",
            "[\"é\"]",
            &long,
            &many,
        ] {
            let problem = split(list).unwrap_err();
            assert_eq!(
                (problem.code, problem.param.as_deref()),
                (Code::InvalidRequest, Some("tools")),
                "{list}"
            );
        }
    }
}
