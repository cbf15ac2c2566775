use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use url::{Host, Url};

use crate::{
    BranchName, Credential, GitError, Oid, Reach, Repository, Result, git::Git, lock, repository::Making,
    repository::size_of,
};

/// Fetches and pushes may take this long.
const NETWORK: Duration = Duration::from_secs(1800);
/// A repository of a remote may take this much room, in bytes.
const MAX_REPOSITORY: u64 = 5 << 30;
/// Branches of our own in the copy of a remote: fetching neither moves nor removes them.
const OWN: &str = "^refs/heads/muster/*";

/// Where another repository is, and how to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    url: Url,
    credential: Option<Credential>,
    reach: Reach,
    authorities: Option<PathBuf>,
}

/// What a push expects of the branch on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It does not exist.
    Absent,
    /// It points here, and may be replaced by something that does not build on it.
    At(Oid),
    /// It is anything that the pushed commit builds on.
    Ancestor,
}

impl Remote {
    /// # Errors
    /// [`GitError::Invalid`] with a sentence for a person when the address cannot be used.
    pub fn new(url: &str, credential: Option<Credential>, reach: Reach) -> Result<Self> {
        let invalid = |text: &str| Err(GitError::Invalid(text.into()));
        let Ok(url) = Url::parse(url.trim()) else {
            return invalid("Enter the whole address, such as https://git.example.org/team/project.git.");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return invalid("Enter the user name and the token in their own fields, not in the address.");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return invalid("The address of a repository has no “?” or “#”.");
        }
        match url.scheme() {
            "https" => {}
            "http" if reach.loopback && is_loopback(&url) => {}
            "http" => return invalid("Plain http would send the token unprotected; use https."),
            "file" if reach.file && url.host().is_none() => {}
            "file" => return invalid("Repositories on this machine's disk are not allowed here."),
            _ => return invalid("The address must start with https://."),
        }
        Ok(Self { url, credential, reach, authorities: None })
    }

    /// Trusts the certificates of this file (PEM) instead of the system's.
    #[must_use]
    pub fn with_authorities(mut self, file: PathBuf) -> Self {
        self.authorities = Some(file);
        self
    }

    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// A network command: which protocols, which credential, which address. All of it through the environment.
    async fn git(&self, mut git: Git) -> Result<Git> {
        git = git
            .limit(NETWORK)
            .setting("http.followRedirects", "false")
            .setting("http.lowSpeedLimit", "1000")
            .setting("http.lowSpeedTime", "60")
            .setting("credential.helper", "")
            .setting("fetch.recurseSubmodules", "false")
            .setting("push.recurseSubmodules", "no");
        if self.url.scheme() != "https" {
            git = git.setting(format!("protocol.{}.allow", self.url.scheme()), "always");
        }
        if let Some(credential) = &self.credential {
            git = git.setting(format!("http.{}.extraHeader", self.url), credential.header());
        }
        if let Some(file) = &self.authorities {
            git = git.setting("http.sslCAInfo", file.display().to_string());
        }
        if let Some(pin) = self.screen().await? {
            git = git.setting("http.curloptResolve", pin);
        }
        Ok(git)
    }

    /// Resolves the name once, refuses addresses out of reach, and pins git to the answer, so that a second look-up cannot lead
    /// somewhere else.
    async fn screen(&self) -> Result<Option<String>> {
        let (Some(host), Some(port)) = (self.url.host(), self.url.port_or_known_default()) else { return Ok(None) };
        let addresses: Vec<IpAddr> = match host {
            Host::Ipv4(ip) => vec![ip.into()],
            Host::Ipv6(ip) => vec![ip.into()],
            Host::Domain(name) => {
                let found = tokio::net::lookup_host((name, port)).await;
                let found = found.map_err(|_| GitError::Unreachable(format!("{name} has no address")))?;
                found.map(|address: SocketAddr| address.ip()).collect()
            }
        };
        if let Some(refused) = addresses.iter().find(|ip| !self.reach.allows(**ip)) {
            tracing::warn!(host = %host, address = %refused, "an address inside this network was refused");
            return Err(GitError::Invalid(format!("{host} leads into a private network, which is not allowed here.")));
        }
        let list: Vec<String> =
            addresses.iter().map(|ip| if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() }).collect();
        Ok(matches!(host, Host::Domain(_)).then(|| format!("{host}:{port}:{}", list.join(","))))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

impl Repository {
    /// Makes a copy of a remote repository: all branches and tags, its default branch as ours.
    ///
    /// # Errors
    /// Any [`GitError`]; nothing is left at `path` after one.
    pub async fn clone_from(path: impl Into<PathBuf>, remote: &Remote) -> Result<Self> {
        let path = path.into();
        let making = Making::begin(&path).await?;
        let branch = default_branch(remote).await?;
        let repository = Self::init(making.path(), &branch).await?;
        repository.fetch(remote).await?;
        making.finish().await
    }

    /// Brings branches and tags to the state of the remote. Branches below `muster/` and hidden refs stay ours.
    ///
    /// # Errors
    /// Any [`GitError`].
    pub async fn fetch(&self, remote: &Remote) -> Result<()> {
        let path = self.path().join("muster-fetch");
        // Two fetches at once would meet at the same refs; the second one is quick after the first.
        let _turn = lock::turn(&path).await?;
        let git =
            self.git("fetch").args(["--quiet", "--prune", "--force", "--no-auto-gc", "--no-write-fetch-head", "--"]);
        let git = git.args([remote.url(), "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", OWN]);
        let fetching = remote.git(git).await?.run();
        tokio::select! {
            done = fetching => done.map(drop),
            error = outgrown(self.path()) => Err(error),
        }
    }

    /// Puts a commit on a branch of the remote.
    ///
    /// # Errors
    /// [`GitError::Moved`] when the branch there is not what was expected; [`GitError::Refused`] when the other side has a rule
    /// against it.
    pub async fn push(&self, remote: &Remote, commit: Oid, branch: &BranchName, expect: Expect) -> Result<()> {
        let full = branch.full();
        let git = self.git("push").args(["--porcelain", "--no-verify", "--no-signed"]);
        let git = match expect {
            Expect::Absent => git.arg(format!("--force-with-lease={full}:")),
            Expect::At(old) => git.arg(format!("--force-with-lease={full}:{old}")),
            Expect::Ancestor => git,
        };
        let git = git.args(["--", remote.url(), &format!("{commit}:{full}")]).accept(&[0, 1]);
        let output = remote.git(git).await?.run().await?;
        if output.code == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let reason =
            text.lines().find_map(|line| line.strip_prefix("!\t")?.rsplit_once('\t').map(|(_, why)| why.to_owned()));
        Err(match reason {
            Some(why)
                if ["stale info", "fetch first", "non-fast-forward", "reference already exists"]
                    .iter()
                    .any(|s| why.contains(s)) =>
            {
                GitError::Moved(branch.to_string())
            }
            // The connection ended before it said what became of the branch.
            Some(why) if why.contains("remote failure") => GitError::Unreachable(why),
            Some(why) => {
                GitError::Refused(why.trim_start_matches("[remote rejected] ").trim_matches(['(', ')']).to_owned())
            }
            None => GitError::from_stderr("push", &output.stderr),
        })
    }
}

/// The branch that the remote's `HEAD` names; `main` for a remote without any.
async fn default_branch(remote: &Remote) -> Result<BranchName> {
    let git = Git::new("ls-remote").args(["--symref", "--", remote.url(), "HEAD"]).max_output(1 << 20);
    let told = remote.git(git).await?.limit(Duration::from_secs(60)).text().await?;
    let named = told.lines().find_map(|line| line.strip_prefix("ref: refs/heads/")?.strip_suffix("\tHEAD"));
    named.unwrap_or("main").parse()
}

/// Ends when the repository takes more room than one may.
async fn outgrown(path: &Path) -> GitError {
    let mut look = tokio::time::interval(Duration::from_secs(1));
    loop {
        look.tick().await;
        let path = path.to_path_buf();
        let size =
            lock::blocking(move || size_of(&path).map_err(|error| GitError::io("measuring the repository", error)))
                .await;
        match size {
            Ok(size) if size > MAX_REPOSITORY => return GitError::too_large("The repository", MAX_REPOSITORY),
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Reach {
        Reach { file: true, loopback: true, private: false }
    }

    #[test]
    fn addresses_that_are_refused() {
        for bad in [
            "git@github.com:a/b.git",
            "ssh://git@example.org/a",
            "http://example.org/a",
            "ext::sh -c id",
            "https://user:token@example.org/a",
            "file://host/a",
            "-x",
            "",
            "https://example.org/a?x=1",
        ] {
            assert!(matches!(Remote::new(bad, None, open()), Err(GitError::Invalid(_))), "{bad}");
        }
        assert!(Remote::new("file:///srv/a", None, Reach::default()).is_err());
        assert!(Remote::new("http://127.0.0.1:1/a", None, Reach::default()).is_err());
        assert!(Remote::new("http://127.0.0.1:1/a", None, open()).is_ok());
        assert!(Remote::new("https://example.org/a.git", None, Reach::default()).is_ok());
    }
}
