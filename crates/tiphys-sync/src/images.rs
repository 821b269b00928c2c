//! The container images that an object names.

use serde_json::Value;

/// Where kinds keep a pod's specification.
const POD_SPECS: [&str; 4] =
    ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec", "/spec/workloadTemplate/spec"];

/// The images of an object's containers and init containers, in the order in which they are written, each once.
pub(crate) fn of(object: &Value) -> Vec<String> {
    let mut images: Vec<String> = Vec::new();
    for spec in POD_SPECS.iter().filter_map(|path| object.pointer(path)) {
        for list in ["initContainers", "containers"] {
            let containers = spec.get(list).and_then(Value::as_array);
            for image in
                containers.into_iter().flatten().filter_map(|container| container.get("image")?.as_str())
            {
                if !image.is_empty() && !images.iter().any(|known| known == image) {
                    images.push(image.to_owned());
                }
            }
        }
    }
    images
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn images_are_found_wherever_a_kind_keeps_its_pod() {
        let pod = json!({
            "containers": [{"image": "web:1"}, {"image": "log:2"}, {"image": "web:1"}, {"name": "none"}],
            "initContainers": [{"image": "init:1"}],
        });
        let expected = ["init:1", "web:1", "log:2"];
        assert_eq!(super::of(&json!({"spec": pod})), expected);
        assert_eq!(super::of(&json!({"spec": {"template": {"spec": pod}}})), expected);
        let cron_job = json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}});
        assert_eq!(super::of(&cron_job), expected);
        assert!(super::of(&json!({"data": {"image": "x"}})).is_empty());
    }
}
