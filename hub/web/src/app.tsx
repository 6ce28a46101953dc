import { Link, Route, Switch } from "wouter-preact";
import { lostConnection } from "./api/client";
import { forgetToken, token } from "./api/token";
import { Empty } from "./ui/parts";
import { SignIn } from "./ui/sign-in";
import { nextTheme, theme } from "./ui/theme";
import { JobView } from "./views/job";
import { RunView } from "./views/run";
import { RunsView } from "./views/runs";

export function App() {
  if (!token.value) return <SignIn />;
  return (
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header class="top">
        <Link href="/" class="brand">
          <img src="/icons/passed.svg" alt="" width="24" height="24" />
          <span>Gator</span>
        </Link>
        <nav>
          <Link href="/">Runs</Link>
        </nav>
        <button type="button" class="quiet" onClick={nextTheme} title="Change between light and dark">
          {theme.value === "auto" ? "Theme: auto" : `Theme: ${theme.value}`}
        </button>
        <button type="button" class="quiet" onClick={() => forgetToken()}>
          Sign out
        </button>
      </header>
      {lostConnection.value && (
        <p class="lost" role="status">
          The hub does not answer; trying again. {lostConnection.value}
        </p>
      )}
      <main id="content">
        <Switch>
          <Route path="/">
            <RunsView />
          </Route>
          <Route path="/run/:run">{({ run }) => <RunView key={run} id={run} />}</Route>
          <Route path="/run/:run/job/*">
            {({ run, "*": path }) => <JobView key={`${run} ${path}`} run={run} path={decodeURIComponent(path)} />}
          </Route>
          <Route>
            <Empty title="There is no such view">
              <p>
                <Link href="/">All runs</Link> are on the first view.
              </p>
            </Empty>
          </Route>
        </Switch>
      </main>
    </>
  );
}
