import { useState } from "preact/hooks";
import { errorText, queries } from "../../api/client";
import { shellWord, size } from "../../format";
import { EventKind } from "../../gen/gator/v1/attach_pb";
import type { Artefact } from "../../gen/gator/v1/event_pb";
import type { Attempt, Run } from "../../gen/gator/v1/query_pb";
import { Scope } from "../../gen/gator/v1/query_service_pb";
import { runOption } from "../../paths";
import { download } from "../../ui/export";
import { Icon } from "../../ui/icons";
import { Command, Problem } from "../../ui/parts";

/** The files and folders that an attempt has made. */
export function Artefacts({ run, path, attempt }: { run: Run; path: string; attempt: Attempt }) {
  const found = attempt.finished?.artefacts?.list ?? [];
  const [error, setError] = useState("");
  if (!found.length) return null;
  const save = async (artefact: Artefact) => {
    try {
      const parts = await contentOf(run.id, path, attempt.number, artefact);
      if (parts) download(artefact.file.slice(artefact.file.lastIndexOf("/") + 1), parts, "application/octet-stream");
      setError(parts ? "" : `The hub has no content of ${artefact.name}; it is at ${run.host}:${run.folder}/${artefact.object || artefact.file}`);
    } catch (failure) {
      setError(errorText(failure));
    }
  };
  return (
    <section class="section" aria-label="Artefacts">
      <div class="section-head">
        <h2>Artefacts</h2>
      </div>
      <div class="panel table-wrap">
        <table class="table">
          <thead>
            <tr>
              <th>Name</th>
              <th>File</th>
              <th class="number">Size</th>
              <th>Description</th>
              <th>
                <span class="sr-only">Download</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {found.map((artefact) => (
              <tr key={artefact.name}>
                <td>{artefact.name}</td>
                <td>
                  <code>{artefact.file}</code>
                </td>
                <td class="number">{size(artefact.sizeBytes)}</td>
                <td>{artefact.text}</td>
                <td class="number">
                  {artefact.sha256 && !artefact.files && (
                    <button type="button" class="small" onClick={() => void save(artefact)}>
                      <Icon name="download" /> Download
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Problem text={error} />
      <Command line={`gator artefacts ${shellWord(path)} ${runOption(run.id)}`} />
    </section>
  );
}

/** Returns the content of an artefact; undefined if it was not sent to the hub, or only in part. */
async function contentOf(run: string, path: string, attempt: number, artefact: Artefact): Promise<BlobPart[] | undefined> {
  const parts: BlobPart[] = [];
  let bytes = 0;
  let pageToken = "";
  do {
    const answer = await queries.listEvents({
      run,
      path,
      attempt,
      scope: Scope.NODE,
      kinds: [EventKind.ARTEFACT_CONTENT],
      pageToken,
    });
    for (const { event } of answer.events) {
      if (event?.payload.case !== "artefactContent") continue;
      const { sha256, offsetBytes, data } = event.payload.value;
      if (sha256 !== artefact.sha256 || Number(offsetBytes) !== bytes) continue;
      parts.push(new Uint8Array(data));
      bytes += data.length;
    }
    pageToken = answer.nextPageToken;
  } while (pageToken);
  return BigInt(bytes) === artefact.sizeBytes ? parts : undefined;
}
