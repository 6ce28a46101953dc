import { render } from "preact";
import { loadAbout } from "./api/about";
import { startSession } from "./api/token";
import { App } from "./app";
import "./style/base.css";
import "./style/parts.css";
import "./style/views.css";
import "./style/log.css";

void loadAbout();
const place = document.getElementById("app");
// Without an answer of the hub the page shows that it is lost.
await startSession().catch(() => undefined);
// A link that is opened in a tab with the page changes only the fragment.
addEventListener("hashchange", () => void startSession().catch(() => undefined));
if (place) render(<App />, place);
