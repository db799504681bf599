//! Writes the contract, `docs/openapi.yaml`, as the JSON that the Worker serves.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=docs/openapi.yaml");
    let contract: serde_json::Value = serde_yaml_ng::from_str(&fs::read_to_string("docs/openapi.yaml")?)?;
    let out = PathBuf::from(env::var("OUT_DIR")?).join("openapi.json");
    fs::write(out, serde_json::to_string(&contract)?)?;
    Ok(())
}
