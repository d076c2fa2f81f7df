"""Puts the model into a bucket, as whom the CI system says it is. python -m shapes.publish BUCKET KEY"""

import argparse
import hashlib

import boto3


def main() -> None:
    """Upload the model, with its digest."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bucket")
    parser.add_argument("key")
    args = parser.parse_args()
    with open("models/shapes.npz", "rb") as file:
        content = file.read()
    digest = hashlib.sha256(content).hexdigest()
    store = boto3.client("s3")
    store.put_object(Bucket=args.bucket, Key=args.key, Body=content, Metadata={"sha256": digest})
    print(f"s3://{args.bucket}/{args.key}: {len(content)} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
