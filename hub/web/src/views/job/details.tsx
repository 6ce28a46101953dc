import { toJson } from "@bufbuild/protobuf";
import { shellWord, size } from "../../format";
import { JobSchema } from "../../gen/gator/v1/spec_pb";
import type { Attempt, Run } from "../../gen/gator/v1/query_pb";
import type { GetNodeResponse } from "../../gen/gator/v1/query_service_pb";
import { runOption } from "../../paths";
import { Command, CopyButton } from "../../ui/parts";

interface Props {
  described: GetNodeResponse;
  attempt: Attempt | undefined;
  run: Run;
}

/** How a job was run: command line, folder, environment, resources and the keys of its spec. */
export function Details({ described, attempt, run }: Props) {
  const { node, description } = described;
  const job = description?.job;
  const spec = job && JSON.stringify(toJson(JobSchema, job), null, 2);
  const variables = [...(job?.settings?.env ?? [])].sort((one, other) => one.name.localeCompare(other.name));
  const started = attempt?.started;
  const demand = node?.demand;
  const resources = [
    demand && `${demand.cores} ${demand.cores === 1 ? "core" : "cores"}`,
    demand?.memoryBytes && `${size(demand.memoryBytes)} of memory`,
    ...Object.entries(demand?.licenses ?? {}).map(([name, count]) => `${count} ${name}`),
  ].filter(Boolean);
  return (
    <section class="section" aria-label="Details">
      <div class="section-head">
        <h2>How it was run</h2>
      </div>
      <div class="columns">
        <dl class="pair panel">
          {started && <Pair name="Command">{started.argv.map(shellWord).join(" ")}</Pair>}
          {started && <Pair name="Folder">{started.cwd}</Pair>}
          {started?.pid ? <Pair name="Process">{`${started.pid} on ${started.host}`}</Pair> : null}
          {resources.length > 0 && <Pair name="Resources">{resources.join(", ")}</Pair>}
          {Object.entries(description?.matrix ?? {}).map(([name, value]) => (
            <Pair key={name} name={`Matrix ${name}`}>
              {value}
            </Pair>
          ))}
          {variables.map(({ name, value }) => (
            <Pair key={name} name={name}>
              {value ?? "(removed)"}
            </Pair>
          ))}
        </dl>
        {spec && (
          <details class="panel">
            <summary class="spec-summary">
              Spec with all inherited keys
            </summary>
            <pre class="spec" tabIndex={0}>
              {spec}
            </pre>
            <p class="spec-foot">
              <CopyButton text={() => spec} label="Copy the spec" />
            </p>
          </details>
        )}
      </div>
      {node && <Command line={`gator show ${shellWord(node.path)} ${runOption(run.id)}`} />}
    </section>
  );
}

function Pair({ name, children }: { name: string; children: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <code>{children}</code>
      </dd>
    </>
  );
}
