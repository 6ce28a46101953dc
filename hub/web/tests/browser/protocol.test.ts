import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { expect, inject, test } from "vitest";
import { NodeKind } from "../../src/gen/gator/v1/common_pb";
import { HubService } from "../../src/gen/gator/v1/hub_service_pb";
import { QueryService } from "../../src/gen/gator/v1/query_service_pb";

// The clients that are generated from the protos, against the adapter of the hub.
const FORMS = [
  ["binary", true],
  ["JSON", false],
] as const;

function transport(useBinaryFormat: boolean, token = inject("token")): Transport {
  return createConnectTransport({
    baseUrl: inject("url"),
    useBinaryFormat,
    interceptors: [
      (next) => (request) => {
        request.header.set("authorization", `Bearer ${token}`);
        return next(request);
      },
    ],
  });
}

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(
    () => expect.fail("the call succeeded"),
    (error: unknown) => ConnectError.from(error),
  );
}

test.each(FORMS)("calls with one answer, in %s", async (_, isBinary) => {
  const { runs } = await createClient(HubService, transport(isBinary)).listRuns({ name: "nightly" });
  const run = inject("runs")["nightly"] ?? "";
  expect(runs.map((found) => found.id)).toContain(run);
  const queries = createClient(QueryService, transport(isBinary));
  const { nodes } = await queries.listNodes({ run, scope: 3, kinds: [NodeKind.JOB] });
  expect(nodes.length).toBe(19);
  expect(typeof nodes[0]?.endedUnixNanos).toBe("bigint");
});

test.each(FORMS)("errors with their code, message and details, in %s", async (_, isBinary) => {
  const queries = createClient(QueryService, transport(isBinary));
  const missing = await failure(queries.getRun({ run: "none" }));
  expect(missing.code).toBe(Code.NotFound);
  expect(missing.rawMessage).toContain("there is no run 'none'");
  expect(missing.details).toMatchObject([{ type: "google.rpc.ErrorInfo" }]);
  const wrong = await failure(queries.listLines({ run: inject("runs")["nightly"] ?? "", regex: "(" }));
  expect(wrong.code).toBe(Code.InvalidArgument);
  const stranger = createClient(QueryService, transport(isBinary, "wrong-token-0123456789"));
  expect((await failure(stranger.getRun({}))).code).toBe(Code.Unauthenticated);
});

test.each(FORMS)("streams to their end, in %s", async (_, isBinary) => {
  const queries = createClient(QueryService, transport(isBinary));
  let events = 0;
  let token = "";
  for await (const answer of queries.watchEvents({ run: inject("runs")["nightly"] ?? "" })) {
    events += answer.events.length;
    token = answer.resumeToken;
  }
  expect(events).toBeGreaterThan(50);
  for await (const answer of queries.watchEvents({ run: inject("runs")["nightly"] ?? "", resumeToken: token }))
    expect(answer.events).toEqual([]);
});

test.each(FORMS)("streams that fail, in %s", async (_, isBinary) => {
  const queries = createClient(QueryService, transport(isBinary));
  const stream = queries.watchRun({ run: "none" })[Symbol.asyncIterator]();
  expect((await failure(stream.next())).code).toBe(Code.NotFound);
});

test("a call that is aborted ends", async () => {
  const queries = createClient(QueryService, transport(true));
  const stop = new AbortController();
  stop.abort();
  expect((await failure(queries.getRun({}, { signal: stop.signal }))).code).toBe(Code.Canceled);
});
