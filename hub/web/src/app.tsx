import { Link, Route, Switch, useLocation } from "wouter-preact";
import { lostConnection } from "./api/client";
import { forgetToken, hasSession, token } from "./api/token";
import { Icon } from "./ui/icons";
import { Keys } from "./ui/keys";
import { lazily } from "./ui/lazy";
import { Empty } from "./ui/parts";
import { SignIn } from "./ui/sign-in";
import { nextTheme, theme } from "./ui/theme";
import { RunsView } from "./views/runs/runs";

const RunView = lazily(async () => (await import("./views/run/run")).RunView);
const JobView = lazily(async () => (await import("./views/job/job")).JobView);

const TrendView = lazily(async () => (await import("./views/trend/trend")).TrendView);
const IdentsView = lazily(async () => (await import("./views/trend/idents")).IdentsView);
const CompareView = lazily(async () => (await import("./views/compare/compare")).CompareView);

const THEMES = { auto: "auto", light: "sun", dark: "moon" } as const;

export function App() {
  if (!token.value && !hasSession.value) return <SignIn />;
  return (
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <Top />
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
          <Route path="/trend">
            <IdentsView />
          </Route>
          <Route path="/trend/*">{({ "*": path }) => <TrendView key={path} path={decodeURIComponent(path)} />}</Route>
          <Route path="/compare/:before/:after">
            {({ before, after }) => <CompareView key={`${before} ${after}`} before={before} after={after} />}
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

function Top() {
  const [path] = useLocation();
  const current = (prefixes: string[]) =>
    prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`)) ? ({ "aria-current": "page" } as const) : {};
  return (
    <header class="top">
      <Link href="/" class="brand">
        <img src="/icons/passed.svg" alt="" width="26" height="26" />
        <span>Gator</span>
      </Link>
      <nav aria-label="Views">
        <Link href="/" {...current(["/", "/run", "/compare"])}>
          Runs
        </Link>
        <Link href="/trend" {...current(["/trend"])}>
          Trends
        </Link>
      </nav>
      <Keys />
      <button type="button" class="quiet icon" onClick={nextTheme} title={`Theme: ${theme.value}`}>
        <Icon name={THEMES[theme.value]} />
        <span class="sr-only">Theme: {theme.value}</span>
      </button>
      <button type="button" class="quiet icon" onClick={() => forgetToken()} title="Sign out">
        <Icon name="leave" />
        <span class="sr-only">Sign out</span>
      </button>
    </header>
  );
}
