//! What the pages of a team show.

use app::{
    components::{pagination::Pages, select::Choice},
    pages::team,
};
use orchestrator::models::{CallContent, ModelPrice, PricedProvider, Rates};
use time::Duration;
use types::{BuiltinRole, InvitationId, ModelProviderId, UserId};

use crate::NOW;

pub(crate) fn sample_call() -> CallContent {
    CallContent {
        provider: "Anthropic".to_owned(),
        model: "claude-sonnet-5".to_owned(),
        task: Some(142),
        agent: Some("coder-1".to_owned()),
        request: r#"{"model":"claude-sonnet-5","system":"You change code in a repository.","messages":[{"role":"user","content":[{"type":"text","text":"Round fees to the cent, half to even. Use [secret] for the test server."}]}]}"#.to_owned(),
        answer: r#"{"role":"assistant","parts":[{"type":"text","text":"I begin with the tests of the fees."}]}"#.to_owned(),
        kept_at: NOW - Duration::minutes(4),
        expires_at: NOW + Duration::days(14),
    }
}

pub(crate) fn sample_gateway() -> team::gateway::Gateway {
    let key = |name: &str, project: Option<&str>, used: i64| team::gateway::Key {
        id: types::GatewayKeyId::new(),
        name: name.to_owned(),
        hint: "sk-muster-…x7Qa".to_owned(),
        project: project.map(str::to_owned),
        creator: "Mira Halvorsen".to_owned(),
        expires_at: NOW + Duration::days(61),
        last_used_at: (used > 0).then(|| NOW - Duration::minutes(used)),
    };
    let base = "https://muster.quayside.example/llm";
    team::gateway::Gateway {
        keys: vec![key("Nightly summaries", Some("ledger"), 4), key("Mira's notebook", None, 0)],
        prices: vec![team::gateway::Price {
            provider: ModelProviderId::new(),
            provider_name: "Own vLLM".to_owned(),
            model: "qwen3-coder".to_owned(),
            rates: [250_000, 25_000, 0, 1_000_000].map(types::MicroUsd::from_micros),
        }],
        names: vec![team::gateway::Name {
            name: "fast".to_owned(),
            places: vec!["anthropic/claude-sonnet-5".to_owned(), "own-vllm/qwen3-coder".to_owned()],
        }],
        projects: vec![Choice::new("p", "ledger")],
        providers: vec![Choice::new("v", "Own vLLM")],
        addresses: vec![
            ("OpenAI", format!("{base}/openai/v1")),
            ("Anthropic", format!("{base}/anthropic")),
            ("Google", format!("{base}/gemini")),
        ],
        base: base.to_owned(),
        ..team::gateway::Gateway::default()
    }
}

pub(crate) fn sample_models() -> team::models::Models {
    let provider =
        |name: &str, place: &str, model: &str, key: Option<&str>, problem: Option<&str>| team::models::Provider {
            id: ModelProviderId::new(),
            name: name.to_owned(),
            place: place.to_owned(),
            model: model.to_owned(),
            key: key.map(|hint| (hint.to_owned(), NOW - Duration::days(3))),
            is_default: name == "Anthropic",
            is_demo: name.starts_with("Demo"),
            tested: Some(team::models::Tested { at: NOW - Duration::minutes(4), problem: problem.map(str::to_owned) }),
            agents: 0,
        };
    let refused =
        "The address cannot be reached: Connection refused (os error 111). Check it, and that the server runs.";
    let kinds = ["Anthropic", "OpenAI", "Google Gemini", "OpenRouter", "Ollama", "vLLM or another server"];
    team::models::Models {
        providers: vec![
            provider("Anthropic", "https://api.anthropic.com", "claude-sonnet-5", Some("sk-…x7Qa"), None),
            provider("Ollama", "http://127.0.0.1:11434/v1", "qwen3-coder", None, Some(refused)),
            provider(
                "Demo model: replays a recording",
                "Comes with Muster, needs no key, costs nothing",
                "demo",
                None,
                None,
            ),
        ],
        prices: sample_prices(),
        presets: kinds.iter().map(|name| Choice::new(name.to_lowercase(), *name)).collect(),
        form: team::models::NewProvider {
            preset: "anthropic".to_owned(),
            name: "Anthropic".to_owned(),
            base_url: "https://api.anthropic.com".to_owned(),
            model: "claude-sonnet-5".to_owned(),
            needs_key: true,
            ..team::models::NewProvider::default()
        },
        ..team::models::Models::default()
    }
}

fn sample_prices() -> Vec<PricedProvider> {
    let model = |name: &str, rates: Option<[i64; 3]>, context: Option<u64>| ModelPrice {
        model: name.to_owned(),
        rates: rates.map(|[input, cache_read, output]| Rates { input, cache_read, cache_write: input, output }),
        agreed_at: None,
        context,
        is_default: false,
    };
    let sonnet = model("claude-sonnet-5", Some([2_000_000, 200_000, 10_000_000]), Some(1_000_000));
    let opus = model("claude-opus-4-5", Some([4_000_000, 400_000, 20_000_000]), Some(200_000));
    let anthropic = vec![
        ModelPrice { agreed_at: Some(NOW - Duration::days(12)), ..opus },
        ModelPrice { is_default: true, ..sonnet },
        model("claude-haiku-4-5", Some([1_000_000, 100_000, 5_000_000]), Some(200_000)),
        model("claude-3-5-haiku", Some([800_000, 80_000, 4_000_000]), Some(200_000)),
    ];
    let ollama = vec![ModelPrice { is_default: true, ..model("qwen3-coder", None, None) }];
    let demo = vec![ModelPrice { is_default: true, ..model("demo", Some([0; 3]), None) }];
    [("Anthropic", anthropic), ("Ollama", ollama), ("Demo model: replays a recording", demo)]
        .map(|(name, models)| PricedProvider { name: name.to_owned(), models })
        .into()
}

pub(crate) fn sample_members() -> team::members::Members {
    let people = [
        ("Mira Okafor", "owner", 40),
        ("Jonas Lindqvist", "admin", 12),
        ("Tove Voss", "contributor", 2),
        ("Samir Haddad", "executor", 0),
    ];
    let members = people.into_iter().map(|(name, role, days)| team::members::Member {
        id: UserId::new(),
        name: name.to_owned(),
        email: format!("{}@quayside.example", name.split(' ').next().unwrap_or(name).to_lowercase()),
        role: Choice::new(role, role),
        joined_at: NOW - Duration::days(days),
        is_you: role == "owner",
        fixed: role == "owner",
    });
    let invitation = |email: &str, days| team::members::Invitation {
        id: InvitationId::new(),
        email: email.to_owned(),
        role: "contributor".to_owned(),
        invited_by: "Mira Okafor".to_owned(),
        expires_at: NOW + Duration::days(days),
    };
    team::members::Members {
        members: members.collect(),
        invitations: vec![invitation("noor@quayside.example", 6), invitation("karl@quayside.example", -7)],
        roles: BuiltinRole::ALL.iter().map(|role| Choice::new(role.as_str(), role.as_str())).collect(),
        ..team::members::Members::default()
    }
}

pub(crate) fn sample_roles() -> team::roles::Roles {
    let role = |(members, role): (usize, &BuiltinRole)| team::roles::Role {
        name: role.to_string(),
        purpose: role.purpose().to_owned(),
        id: None,
        members,
        permissions: role.permissions(),
    };
    team::roles::Roles {
        roles: BuiltinRole::ALL.iter().enumerate().map(role).collect(),
        ..team::roles::Roles::default()
    }
}

pub(crate) fn sample_audit(verdict: team::audit::Verdict) -> team::audit::Audit {
    let rows = [
        ("Mira Okafor", "Invited a member", "noor@quayside.example", "member.invited"),
        ("Jonas Lindqvist", "Changed a role", "Tove Voss", "member.role_changed"),
        ("Tove Voss", "Refused: no permission", "Remove a member", "permission.refused"),
        ("Mira Okafor", "Made the team", "", "team.created"),
    ];
    let entries = rows.into_iter().zip(0_u64..).map(|((who, what, target, action), row)| team::audit::Entry {
        seq: 211 - row,
        at: NOW - Duration::minutes(37 * i64::try_from(row).unwrap_or_default()),
        who: who.to_owned(),
        what: what.to_owned(),
        target: target.to_owned(),
        action: action.to_owned(),
        details: vec![("Role".to_owned(), "contributor".to_owned())],
        request_id: Some("01k9x7c3p8".to_owned()),
        hash: format!("{row}1d277b09c1e04fe7d218a55{}", "0".repeat(40)),
        previous: format!("{}1d277b09c1e04fe7d218a55{}", row + 1, "0".repeat(40)),
    });
    team::audit::Audit {
        verdict,
        filter: team::audit::Filter::default(),
        people: vec![Choice::new("", "Anyone"), Choice::new("1", "Mira Okafor")],
        actions: vec![Choice::new("", "Everything"), Choice::new("refused", "Refused")],
        entries: entries.collect(),
        pages: Pages { shown: "Rows 208 to 211 of 211".to_owned(), newer: None, older: Some("?before=208".to_owned()) },
    }
}
