//! The text of a path expression as a tree.

use regex::{Regex, RegexBuilder};
use serde_json::Value;

/// Characters in an expression.
const MAX_LENGTH: usize = 4096;
/// Expressions within one another.
const MAX_DEPTH: usize = 64;

#[derive(Debug, Clone)]
pub(super) enum Expr {
    Identity,
    /// `..`
    Recurse,
    Literal(Value),
    Field(Box<Expr>, String),
    Index(Box<Expr>, i64),
    Iterate(Box<Expr>),
    Try(Box<Expr>),
    Pipe(Box<Expr>, Box<Expr>),
    Comma(Box<Expr>, Box<Expr>),
    Alternative(Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Select(Box<Expr>),
    First(Box<Expr>),
    /// `any(generator; condition)` and `all(…)`.
    Quantifier {
        all: bool,
        generator: Box<Expr>,
        condition: Box<Expr>,
    },
    In(Box<Expr>),
    Test(Regex),
    /// A function of the input alone.
    Plain(Plain),
    /// A function of the input and one value.
    With(Predicate, Box<Expr>),
    Empty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    Not,
    Length,
    Type,
    AsciiDowncase,
    AsciiUpcase,
    ToString,
    /// Passes values of some types: `strings`, `objects`, `values` …
    Only(&'static [&'static str]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Predicate {
    Has,
    Contains,
    StartsWith,
    EndsWith,
}

pub(super) fn parse(text: &str) -> Result<Expr, String> {
    if text.len() > MAX_LENGTH {
        return Err(format!("it is longer than {MAX_LENGTH} characters"));
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let expression = parser.pipe()?;
    match parser.peek() {
        None => Ok(expression),
        Some(token) => Err(format!("{token:?} is not expected there")),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// `.name`
    Field(String),
    Name(String),
    Text(String),
    Number(f64),
    Sign(&'static str),
}

const SIGNS: [&str; 20] = [
    "..", "==", "!=", "<=", ">=", "//", "<", ">", ".", "[", "]", "(", ")", "|", ",", "?", ";", ":", "-", "$",
];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |text: &str| {
            let end =
                text.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(text.len());
            text.split_at_checked(end).map(|(word, rest)| (word.to_owned(), rest.len()))
        };
        let after_point = rest
            .strip_prefix('.')
            .filter(|rest| rest.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_'));
        let left = if let Some((name, left)) = after_point.and_then(word) {
            tokens.push(Token::Field(name));
            left
        } else if first.is_ascii_alphabetic() || first == '_' {
            let Some((name, left)) = word(rest) else { break };
            tokens.push(Token::Name(name));
            left
        } else if first == '"' {
            let (string, left) = string(rest)?;
            tokens.push(Token::Text(string));
            left
        } else if first.is_ascii_digit() {
            let end = rest.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(rest.len());
            let (digits, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
            tokens.push(Token::Number(digits.parse().map_err(|_| format!("{digits} is no number"))?));
            tail.len()
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            rest.len() - sign.len()
        } else {
            return Err(format!("{first:?} is not supported"));
        };
        rest = rest.get(rest.len() - left..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

/// A string in quotes, spelled as in JSON; gives how much text is left behind it.
fn string(text: &str) -> Result<(String, usize), String> {
    let mut escaped = false;
    for (at, char) in text.char_indices().skip(1) {
        match char {
            '(' if escaped => return Err("string interpolation is not supported".to_owned()),
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => {
                let (literal, rest) = text.split_at_checked(at + 1).unwrap_or((text, ""));
                let string = serde_json::from_str(literal)
                    .map_err(|error| format!("{literal} is no string: {error}"))?;
                return Ok((string, rest.len()));
            }
            _ => {}
        }
    }
    Err("a string has no end".to_owned())
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

type Parsed = Result<Expr, String>;

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(found);
        found
    }

    fn take_name(&mut self, name: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Name(found)) if found == name);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.take(sign) { Ok(()) } else { Err(format!("{sign} is missing")) }
    }

    fn pipe(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("it is nested more than {MAX_DEPTH} deep"));
        }
        let mut left = self.comma()?;
        while self.take("|") {
            left = Expr::Pipe(left.into(), self.comma()?.into());
        }
        self.depth -= 1;
        Ok(left)
    }

    fn comma(&mut self) -> Parsed {
        let mut left = self.alternative()?;
        while self.take(",") {
            left = Expr::Comma(left.into(), self.alternative()?.into());
        }
        Ok(left)
    }

    fn alternative(&mut self) -> Parsed {
        let mut left = self.or()?;
        while self.take("//") {
            left = Expr::Alternative(left.into(), self.or()?.into());
        }
        Ok(left)
    }

    fn or(&mut self) -> Parsed {
        let mut left = self.and()?;
        while self.take_name("or") {
            left = Expr::Or(left.into(), self.and()?.into());
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed {
        let mut left = self.comparison()?;
        while self.take_name("and") {
            left = Expr::And(left.into(), self.comparison()?.into());
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Parsed {
        const SIGNS: [(&str, Comparison); 6] = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let left = self.postfix()?;
        match SIGNS.iter().find(|(sign, _)| self.take(sign)) {
            Some((_, comparison)) => Ok(Expr::Compare(*comparison, left.into(), self.postfix()?.into())),
            None => Ok(left),
        }
    }

    fn postfix(&mut self) -> Parsed {
        let mut expression = self.term()?;
        loop {
            if let Some(Token::Field(name)) = self.peek() {
                expression = Expr::Field(expression.into(), name.clone());
                self.at += 1;
            } else if self.take("?") {
                expression = Expr::Try(expression.into());
            } else if self.take("[") {
                expression = self.bracket(expression)?;
            } else if matches!(
                (self.peek(), self.tokens.get(self.at + 1)),
                (Some(Token::Sign(".")), Some(Token::Text(_) | Token::Sign("[")))
            ) {
                self.at += 1;
                if let Some(Token::Text(name)) = self.peek() {
                    expression = Expr::Field(expression.into(), name.clone());
                    self.at += 1;
                }
            } else {
                return Ok(expression);
            }
        }
    }

    fn bracket(&mut self, of: Expr) -> Parsed {
        if self.take("]") {
            return Ok(Expr::Iterate(of.into()));
        }
        let negative = self.take("-");
        let index = match self.peek() {
            Some(Token::Text(name)) if !negative => Expr::Field(of.into(), name.clone()),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "checked to be whole; larger ones point at nothing"
            )]
            Some(Token::Number(number)) if number.fract() == 0.0 => {
                let index = *number as i64;
                Expr::Index(of.into(), if negative { -index } else { index })
            }
            _ => return Err("only a string or a whole number is supported in []".to_owned()),
        };
        self.at += 1;
        self.expect("]")?;
        Ok(index)
    }

    fn term(&mut self) -> Parsed {
        let Some(token) = self.peek().cloned() else {
            return Err("something is missing at its end".to_owned());
        };
        self.at += 1;
        match token {
            Token::Field(name) => Ok(Expr::Field(Expr::Identity.into(), name)),
            Token::Text(text) => Ok(Expr::Literal(Value::String(text))),
            Token::Number(number) => Ok(Expr::Literal(literal(number))),
            Token::Sign("-") => match self.peek() {
                Some(Token::Number(number)) => {
                    let number = literal(-*number);
                    self.at += 1;
                    Ok(Expr::Literal(number))
                }
                _ => Err("- is supported in front of a number only".to_owned()),
            },
            Token::Sign("..") => Ok(Expr::Recurse),
            Token::Sign(".") => match self.peek().cloned() {
                Some(Token::Text(name)) => {
                    self.at += 1;
                    Ok(Expr::Field(Expr::Identity.into(), name))
                }
                _ => Ok(Expr::Identity),
            },
            Token::Sign("(") => {
                let inner = self.pipe()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Sign(sign) => Err(format!("{sign} is not supported there")),
            Token::Name(name) => self.call(&name),
        }
    }

    fn call(&mut self, name: &str) -> Parsed {
        let mut arguments = Vec::new();
        if self.take("(") {
            loop {
                arguments.push(self.pipe()?);
                if !self.take(";") {
                    break;
                }
            }
            self.expect(")")?;
        }
        let mut arguments = arguments.into_iter().map(Box::new);
        match (name, arguments.next(), arguments.next(), arguments.next()) {
            ("select", Some(condition), None, _) => Ok(Expr::Select(condition)),
            ("first", Some(generator), None, _) => Ok(Expr::First(generator)),
            ("any" | "all", Some(generator), Some(condition), None) => {
                Ok(Expr::Quantifier { all: name == "all", generator, condition })
            }
            ("any" | "all", condition, None, _) => Ok(Expr::Quantifier {
                all: name == "all",
                generator: Expr::Iterate(Expr::Identity.into()).into(),
                condition: condition.unwrap_or_else(|| Expr::Identity.into()),
            }),
            ("IN", Some(values), None, _) => Ok(Expr::In(values)),
            ("test", Some(pattern), flags, None) => regex(&pattern, flags.as_deref()),
            ("has", Some(value), None, _) => Ok(Expr::With(Predicate::Has, value)),
            ("contains", Some(value), None, _) => Ok(Expr::With(Predicate::Contains, value)),
            ("startswith", Some(value), None, _) => Ok(Expr::With(Predicate::StartsWith, value)),
            ("endswith", Some(value), None, _) => Ok(Expr::With(Predicate::EndsWith, value)),
            (name, None, ..) => plain(name),
            (name, ..) => Err(format!("{name} is not supported with these arguments")),
        }
    }
}

fn plain(name: &str) -> Parsed {
    Ok(match name {
        "true" => Expr::Literal(Value::Bool(true)),
        "false" => Expr::Literal(Value::Bool(false)),
        "null" => Expr::Literal(Value::Null),
        "empty" => Expr::Empty,
        "recurse" => Expr::Recurse,
        "not" => Expr::Plain(Plain::Not),
        "length" => Expr::Plain(Plain::Length),
        "type" => Expr::Plain(Plain::Type),
        "ascii_downcase" => Expr::Plain(Plain::AsciiDowncase),
        "ascii_upcase" => Expr::Plain(Plain::AsciiUpcase),
        "tostring" => Expr::Plain(Plain::ToString),
        "objects" => Expr::Plain(Plain::Only(&["object"])),
        "arrays" => Expr::Plain(Plain::Only(&["array"])),
        "strings" => Expr::Plain(Plain::Only(&["string"])),
        "numbers" => Expr::Plain(Plain::Only(&["number"])),
        "booleans" => Expr::Plain(Plain::Only(&["boolean"])),
        "nulls" => Expr::Plain(Plain::Only(&["null"])),
        "iterables" => Expr::Plain(Plain::Only(&["array", "object"])),
        "scalars" => Expr::Plain(Plain::Only(&["null", "boolean", "number", "string"])),
        "values" => Expr::Plain(Plain::Only(&["boolean", "number", "string", "array", "object"])),
        name => return Err(format!("{name} is not supported")),
    })
}

fn literal(number: f64) -> Value {
    serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number)
}

fn regex(pattern: &Expr, flags: Option<&Expr>) -> Parsed {
    let Expr::Literal(Value::String(pattern)) = pattern else {
        return Err("test is supported with a string only".to_owned());
    };
    let flags = match flags {
        None => "",
        Some(Expr::Literal(Value::String(flags))) => flags,
        Some(_) => return Err("test is supported with flags in a string only".to_owned()),
    };
    let mut builder = RegexBuilder::new(pattern);
    for flag in flags.chars() {
        match flag {
            'i' => builder.case_insensitive(true),
            'x' => builder.ignore_whitespace(true),
            's' => builder.dot_matches_new_line(true),
            'g' | 'n' => &mut builder,
            other => return Err(format!("the flag {other} of test is not supported")),
        };
    }
    builder
        .build()
        .map(Expr::Test)
        .map_err(|_| format!("{pattern:?} is no regular expression that is supported"))
}
