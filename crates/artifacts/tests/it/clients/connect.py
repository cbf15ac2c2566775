import sys
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

URL, BUCKET, REGION, ACCESS_KEY, SECRET = sys.argv[1:]


def client(secret=SECRET):
    """As boto3 is by default: signature version 4 and checksums of its own choice, one try."""
    return boto3.client(
        "s3",
        endpoint_url=URL,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=secret,
        config=Config(s3={"addressing_style": "path"}, signature_version="s3v4", retries={"total_max_attempts": 1}),
    )


def refused(call, **arguments):
    """The status with which a call is refused."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]
    raise AssertionError(f"let through: {arguments}")


def fetch(url, method="GET", body=None, headers={}):
    """What a browser would get from a presigned address: status, headers, bytes."""
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


s3 = client()
