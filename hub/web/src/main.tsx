import { render } from "preact";
import { loadAbout } from "./api/about";
import { App } from "./app";
import "uplot/dist/uPlot.min.css";
import "./style/base.css";
import "./style/parts.css";
import "./style/views.css";
import "./style/log.css";

void loadAbout();
const place = document.getElementById("app");
if (place) render(<App />, place);
