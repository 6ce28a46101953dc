import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { signal } from "@preact/signals";
import { ControlService } from "../gen/gator/v1/control_service_pb";
import { HubService } from "../gen/gator/v1/hub_service_pb";
import { QueryService } from "../gen/gator/v1/query_service_pb";
import { forgetToken, token } from "./token";

/** Why the hub cannot be reached; empty while it can. */
export const lostConnection = signal("");

const authenticate: Interceptor = (next) => async (request) => {
  if (token.value) request.header.set("authorization", `Bearer ${token.value}`);
  try {
    const response = await next(request);
    lostConnection.value = "";
    return response;
  } catch (error) {
    const failure = ConnectError.from(error);
    if (failure.code === Code.Unauthenticated) forgetToken(failure.rawMessage);
    if (isLost(failure)) lostConnection.value = failure.rawMessage;
    else if (failure.code !== Code.Canceled) lostConnection.value = "";
    throw error;
  }
};

const transport = createConnectTransport({
  baseUrl: location.origin,
  useBinaryFormat: true,
  interceptors: [authenticate],
});

export const queries = createClient(QueryService, transport);
export const hub = createClient(HubService, transport);
export const control = createClient(ControlService, transport);

/** Returns whether a call failed because there was no connection, so that it is repeated later. */
export function isLost(error: unknown): boolean {
  const failure = ConnectError.from(error);
  const isNetwork = failure.code === Code.Unknown && failure.cause instanceof TypeError;
  return failure.code === Code.Unavailable || isNetwork || failure.code === Code.DeadlineExceeded;
}

/** Returns an error as a sentence for people. */
export function errorText(error: unknown): string {
  return ConnectError.from(error).rawMessage;
}
