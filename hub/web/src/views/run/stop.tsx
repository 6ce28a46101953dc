import { useRef, useState } from "preact/hooks";
import { control, errorText } from "../../api/client";
import { shellWord } from "../../format";
import type { Run } from "../../gen/gator/v1/query_pb";
import { runOption } from "../../paths";
import { Icon } from "../../ui/icons";
import { Command, Problem } from "../../ui/parts";

interface Props {
  run: Run;
  /** Path of the node to stop; empty for the whole run. */
  path: string;
  what: string;
}

/** Stops a run or a part of it, after a confirmation. */
export function StopButton({ run, path, what }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [state, setState] = useState<"asks" | "stops" | "ordered">("asks");
  const [error, setError] = useState("");
  const stop = async () => {
    setState("stops");
    setError("");
    try {
      await control.stop({ run: run.id, path });
      setState("ordered");
      dialog.current?.close();
    } catch (failure) {
      setError(errorText(failure));
      setState("asks");
    }
  };
  return (
    <>
      <button type="button" class="danger" disabled={state === "ordered"} onClick={() => dialog.current?.showModal()}>
        <Icon name="stop" /> {state === "ordered" ? "Stopping …" : "Stop"}
      </button>
      <dialog ref={dialog} aria-label="Stop">
        <h2>Stop {what}?</h2>
        <p>Jobs that run are ended, and jobs that wait are not started. Their outcome will be cancelled.</p>
        <Problem text={error} />
        <Command line={["gator stop", path && shellWord(path), runOption(run.id)].filter(Boolean).join(" ")} />
        <div class="dialog-foot">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="button" class="danger" disabled={state === "stops"} onClick={() => void stop()}>
            Stop
          </button>
        </div>
      </dialog>
    </>
  );
}
