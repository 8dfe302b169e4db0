"""A Hugging Face hub: files of data sets are fetched from it, and exported folders are sent to it.

The environment chooses: `HF_ENDPOINT` gives the address of the hub, `HF_TOKEN` the user whose rights are used.
"""

from __future__ import annotations

import os
from pathlib import Path

from impls.errors import FileFormatError
from impls.folders import MARK

REMEDY = "check the name, HF_TOKEN and the network"
"""The end of each message: what to do."""


def download(repository: str, file: str, cache: Path) -> Path:
    """Return the path of a file of a data set; if the file is not in the cache, fetch it first.

    Raises:
        FileFormatError: there is no such file, or the hub does not answer.
    """
    from huggingface_hub import hf_hub_download  # Imported here, since few runs need it.
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        endpoint = os.environ.get("HF_ENDPOINT")
        return Path(hf_hub_download(repository, file, repo_type="dataset", cache_dir=cache, endpoint=endpoint))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise FileFormatError(f"{repository}/{file}: cannot be fetched: {_reason(error)}; {REMEDY}") from None


def upload(folder: Path, repository: str) -> str:
    """Send an exported folder, without its mark, to the repository of a model, which is made if there is none.

    Returns:
        The address of the commit.

    Raises:
        FileFormatError: the hub does not answer, or refuses.
    """
    from huggingface_hub import HfApi  # Imported here, since few runs need it.
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    try:
        api.create_repo(repository, exist_ok=True)
        sent = api.upload_folder(
            folder_path=folder, repo_id=repository, commit_message="Model by mergelab", ignore_patterns=[f"{MARK}*"]
        )
        return str(sent)
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise FileFormatError(f"{repository}: cannot be uploaded: {_reason(error)}; {REMEDY}") from None


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
