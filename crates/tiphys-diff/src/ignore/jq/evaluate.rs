//! Evaluation of a path expression, with a bound on its steps.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use serde_json::Value;

use super::parse::{Comparison, Expr, Plain, Predicate};

/// Values that one evaluation may make.
const MAX_STEPS: usize = 100_000;

/// Text that counts as one more value.
const BYTES_PER_STEP: usize = 64;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// A field of an object.
    Key(String),
    /// An item of a list.
    Index(usize),
}

/// The paths that `expression` points at; `None` when it fails or takes too long.
pub(super) fn paths(expression: &Expr, value: &Value) -> Option<Vec<Vec<Step>>> {
    let mut run = Run { left: MAX_STEPS };
    let root = Item { value: Cow::Borrowed(value), path: Some(None) };
    let items = run.evaluate(expression, &root).ok()?;
    items.into_iter().map(|item| item.path.map(|link| steps(link.as_deref()))).collect()
}

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// An error as in jq, which `?` catches.
    Failed,
    /// Too many steps.
    TooLong,
}

struct Link {
    step: Step,
    parent: Option<Rc<Link>>,
}

#[derive(Clone)]
struct Item<'a> {
    value: Cow<'a, Value>,
    /// Nothing for a value that is no part of the object.
    path: Option<Option<Rc<Link>>>,
}

impl<'a> Item<'a> {
    fn computed(value: Value) -> Self {
        Item { value: Cow::Owned(value), path: None }
    }

    fn child(&self, step: Step, value: Cow<'a, Value>) -> Self {
        let path = self.path.as_ref().map(|parent| Some(Rc::new(Link { step, parent: parent.clone() })));
        Item { value, path }
    }

    fn is_true(&self) -> bool {
        !matches!(*self.value, Value::Null | Value::Bool(false))
    }

    fn field(&self, key: &str) -> Cow<'a, Value> {
        match &self.value {
            Cow::Borrowed(value) => value.get(key).map_or(Cow::Owned(Value::Null), Cow::Borrowed),
            Cow::Owned(value) => Cow::Owned(value.get(key).cloned().unwrap_or_default()),
        }
    }

    fn item(&self, at: usize) -> Cow<'a, Value> {
        match &self.value {
            Cow::Borrowed(value) => value.get(at).map_or(Cow::Owned(Value::Null), Cow::Borrowed),
            Cow::Owned(value) => Cow::Owned(value.get(at).cloned().unwrap_or_default()),
        }
    }
}

fn steps(mut link: Option<&Link>) -> Vec<Step> {
    let mut steps = Vec::new();
    while let Some(Link { step, parent }) = link {
        steps.push(step.clone());
        link = parent.as_deref();
    }
    steps.reverse();
    steps
}

struct Run {
    left: usize,
}

type Items<'a> = Result<Vec<Item<'a>>, Stop>;

impl Run {
    fn count(&mut self) -> Result<(), Stop> {
        self.left = self.left.checked_sub(1).ok_or(Stop::TooLong)?;
        Ok(())
    }

    fn evaluate<'a>(&mut self, expression: &'a Expr, input: &Item<'a>) -> Items<'a> {
        self.count()?;
        match expression {
            Expr::Identity => Ok(vec![input.clone()]),
            Expr::Literal(value) => Ok(vec![Item { value: Cow::Borrowed(value), path: None }]),
            Expr::Empty => Ok(Vec::new()),
            Expr::Recurse => {
                let mut all = Vec::new();
                self.recurse(input, &mut all)?;
                Ok(all)
            }
            Expr::Field(of, key) => self.each(of, input, |_, item| match &*item.value {
                Value::Object(_) | Value::Null => {
                    Ok(vec![item.child(Step::Key(key.clone()), item.field(key))])
                }
                _ => Err(Stop::Failed),
            }),
            Expr::Index(of, index) => self.each(of, input, |_, item| match &*item.value {
                Value::Array(items) => {
                    let index = if *index < 0 {
                        i64::try_from(items.len()).unwrap_or(i64::MAX).saturating_add(*index)
                    } else {
                        *index
                    };
                    let Ok(at) = usize::try_from(index) else { return Ok(vec![Item::computed(Value::Null)]) };
                    Ok(vec![item.child(Step::Index(at), item.item(at))])
                }
                Value::Null => Ok(vec![Item::computed(Value::Null)]),
                _ => Err(Stop::Failed),
            }),
            Expr::Iterate(of) => self.each(of, input, Run::children),
            Expr::Try(of) => match self.evaluate(of, input) {
                Err(Stop::Failed) => Ok(Vec::new()),
                other => other,
            },
            Expr::Pipe(left, right) => self.each(left, input, |run, item| run.evaluate(right, item)),
            Expr::Comma(left, right) => {
                let mut items = self.evaluate(left, input)?;
                items.extend(self.evaluate(right, input)?);
                Ok(items)
            }
            Expr::Alternative(left, right) => match self.evaluate(left, input) {
                Err(Stop::TooLong) => Err(Stop::TooLong),
                Ok(items) if items.iter().any(Item::is_true) => {
                    Ok(items.into_iter().filter(Item::is_true).collect())
                }
                _ => self.evaluate(right, input),
            },
            Expr::And(left, right) => self.logic(left, right, input, false),
            Expr::Or(left, right) => self.logic(left, right, input, true),
            Expr::Compare(comparison, left, right) => {
                let (left, right) = (self.evaluate(left, input)?, self.evaluate(right, input)?);
                let mut verdicts = Vec::new();
                for other in &right {
                    for one in &left {
                        self.count()?;
                        verdicts.push(Item::computed(Value::Bool(holds(
                            *comparison,
                            &one.value,
                            &other.value,
                        ))));
                    }
                }
                Ok(verdicts)
            }
            Expr::Select(condition) => {
                let verdicts = self.evaluate(condition, input)?;
                Ok(verdicts.iter().filter(|verdict| verdict.is_true()).map(|_| input.clone()).collect())
            }
            Expr::First(generator) => Ok(self.evaluate(generator, input)?.into_iter().take(1).collect()),
            Expr::Quantifier { all, generator, condition } => {
                for item in self.evaluate(generator, input)? {
                    for verdict in self.evaluate(condition, &item)? {
                        if verdict.is_true() != *all {
                            return Ok(vec![Item::computed(Value::Bool(!all))]);
                        }
                    }
                }
                Ok(vec![Item::computed(Value::Bool(*all))])
            }
            Expr::In(values) => {
                let values = self.evaluate(values, input)?;
                let found = values.iter().any(|value| holds(Comparison::Equal, &value.value, &input.value));
                Ok(vec![Item::computed(Value::Bool(found))])
            }
            Expr::Test(pattern) => match &*input.value {
                Value::String(text) => Ok(vec![Item::computed(Value::Bool(pattern.is_match(text)))]),
                _ => Err(Stop::Failed),
            },
            Expr::Plain(Plain::Only(types)) => {
                Ok(if types.contains(&type_of(&input.value)) { vec![input.clone()] } else { Vec::new() })
            }
            Expr::Plain(function) => {
                let made = plain(*function, input)?;
                // A text is as much work as the values that it is made of.
                let work = made.as_str().map_or(0, str::len) / BYTES_PER_STEP;
                self.left = self.left.checked_sub(work).ok_or(Stop::TooLong)?;
                Ok(vec![Item::computed(made)])
            }
            Expr::With(function, argument) => self.each(argument, input, |_, argument| {
                let verdict = with(*function, &input.value, &argument.value)?;
                Ok(vec![Item::computed(Value::Bool(verdict))])
            }),
        }
    }

    fn each<'a>(
        &mut self,
        of: &'a Expr,
        input: &Item<'a>,
        mut then: impl FnMut(&mut Run, &Item<'a>) -> Items<'a>,
    ) -> Items<'a> {
        let mut all = Vec::new();
        for item in self.evaluate(of, input)? {
            self.count()?;
            all.extend(then(self, &item)?);
        }
        Ok(all)
    }

    fn children<'a>(&mut self, item: &Item<'a>) -> Items<'a> {
        let mut children = Vec::new();
        match &*item.value {
            Value::Array(items) => {
                for at in 0..items.len() {
                    self.count()?;
                    children.push(item.child(Step::Index(at), item.item(at)));
                }
            }
            Value::Object(fields) => {
                for key in fields.keys() {
                    self.count()?;
                    children.push(item.child(Step::Key(key.clone()), item.field(key)));
                }
            }
            _ => return Err(Stop::Failed),
        }
        Ok(children)
    }

    fn recurse<'a>(&mut self, item: &Item<'a>, all: &mut Vec<Item<'a>>) -> Result<(), Stop> {
        self.count()?;
        all.push(item.clone());
        if matches!(*item.value, Value::Array(_) | Value::Object(_)) {
            for child in self.children(item)? {
                self.recurse(&child, all)?;
            }
        }
        Ok(())
    }

    /// `and` (`decided_by` false) and `or` (true): the right side is looked at where the left doesn't decide.
    fn logic<'a>(
        &mut self,
        left: &'a Expr,
        right: &'a Expr,
        input: &Item<'a>,
        decided_by: bool,
    ) -> Items<'a> {
        self.each(left, input, |run, one| {
            if one.is_true() == decided_by {
                return Ok(vec![Item::computed(Value::Bool(decided_by))]);
            }
            let right = run.evaluate(right, input)?;
            Ok(right.iter().map(|other| Item::computed(Value::Bool(other.is_true()))).collect())
        })
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn plain(function: Plain, input: &Item<'_>) -> Result<Value, Stop> {
    Ok(match (function, &*input.value) {
        (Plain::Not, _) => Value::Bool(!input.is_true()),
        (Plain::Type, value) => Value::from(type_of(value)),
        (Plain::Length, Value::Null) => Value::from(0),
        (Plain::Length, Value::String(text)) => Value::from(text.chars().count()),
        (Plain::Length, Value::Array(items)) => Value::from(items.len()),
        (Plain::Length, Value::Object(fields)) => Value::from(fields.len()),
        (Plain::Length, Value::Number(number)) => Value::from(number.as_f64().unwrap_or_default().abs()),
        (Plain::AsciiDowncase, Value::String(text)) => Value::from(text.to_ascii_lowercase()),
        (Plain::AsciiUpcase, Value::String(text)) => Value::from(text.to_ascii_uppercase()),
        (Plain::ToString, Value::String(text)) => Value::from(text.as_str()),
        (Plain::ToString, other) => Value::from(other.to_string()),
        (Plain::Only(_), value) => value.clone(),
        _ => return Err(Stop::Failed),
    })
}

fn with(function: Predicate, input: &Value, argument: &Value) -> Result<bool, Stop> {
    match (function, input, argument) {
        (Predicate::Has, Value::Object(fields), Value::String(key)) => Ok(fields.contains_key(key)),
        (Predicate::Has, Value::Array(items), Value::Number(index)) => {
            Ok(index.as_f64().is_some_and(|index| index >= 0.0 && index < items.len() as f64))
        }
        (Predicate::StartsWith, Value::String(text), Value::String(part)) => {
            Ok(text.starts_with(part.as_str()))
        }
        (Predicate::EndsWith, Value::String(text), Value::String(part)) => Ok(text.ends_with(part.as_str())),
        (Predicate::Contains, input, argument) => contains(input, argument).ok_or(Stop::Failed),
        _ => Err(Stop::Failed),
    }
}

fn contains(whole: &Value, part: &Value) -> Option<bool> {
    match (whole, part) {
        (Value::String(whole), Value::String(part)) => Some(whole.contains(part.as_str())),
        (Value::Array(whole), Value::Array(part)) => {
            Some(part.iter().all(|part| whole.iter().any(|item| contains(item, part) == Some(true))))
        }
        (Value::Object(whole), Value::Object(part)) => Some(
            part.iter()
                .all(|(key, part)| whole.get(key).is_some_and(|item| contains(item, part) == Some(true))),
        ),
        (whole, part) if type_of(whole) == type_of(part) => Some(holds(Comparison::Equal, whole, part)),
        _ => None,
    }
}

fn holds(comparison: Comparison, one: &Value, other: &Value) -> bool {
    let order = order(one, other);
    match comparison {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
    }
}

/// jq's order of all values: null, false, true, numbers, strings, lists, objects.
fn order(one: &Value, other: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(false) => 1,
        Value::Bool(true) => 2,
        Value::Number(_) => 3,
        Value::String(_) => 4,
        Value::Array(_) => 5,
        Value::Object(_) => 6,
    };
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap_or_default(), other.as_f64().unwrap_or_default());
            one.partial_cmp(&other).unwrap_or(Ordering::Equal)
        }
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::Array(one), Value::Array(other)) => one
            .iter()
            .zip(other)
            .map(|(one, other)| order(one, other))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| one.len().cmp(&other.len())),
        (Value::Object(one), Value::Object(other)) => {
            let sorted = |fields: &serde_json::Map<String, Value>| {
                let mut keys: Vec<String> = fields.keys().cloned().collect();
                keys.sort();
                keys
            };
            let keys = sorted(one);
            keys.cmp(&sorted(other)).then_with(|| {
                let pairs = keys.iter().filter_map(|key| Some((one.get(key)?, other.get(key)?)));
                pairs
                    .map(|(one, other)| order(one, other))
                    .find(|order| order.is_ne())
                    .unwrap_or(Ordering::Equal)
            })
        }
        (one, other) => rank(one).cmp(&rank(other)),
    }
}
