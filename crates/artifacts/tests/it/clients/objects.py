
import io

from boto3.s3.transfer import TransferConfig

for key in ["plain", "with space/\u00fc", "+&=?#", "a/b/c"]:
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"hello", ContentType="text/plain", Metadata={"run": "7"})
    got = s3.get_object(Bucket=BUCKET, Key=key)
    assert got["Body"].read() == b"hello" and got["ContentType"] == "text/plain", got
    assert got["Metadata"] == {"run": "7"} and got["ContentLength"] == 5, got

got = s3.get_object(Bucket=BUCKET, Key="plain", Range="bytes=1-3")
assert got["Body"].read() == b"ell" and got["ContentRange"] == "bytes 1-3/5", got
assert refused(s3.get_object, Bucket=BUCKET, Key="none") == 404
assert refused(s3.put_object, Bucket=BUCKET, Key="plain", Body=b"x", IfNoneMatch="*") == 412

# The transfer manager sends a large body in parts, several at a time, and reads it back so.
body = bytes(range(256)) * 4096 * 12
parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20, max_concurrency=4)
s3.upload_fileobj(io.BytesIO(body), BUCKET, "big", Config=parts)
assert s3.head_object(Bucket=BUCKET, Key="big")["ETag"].endswith('-3"')
back = io.BytesIO()
s3.download_fileobj(BUCKET, "big", back, Config=parts)
assert back.getvalue() == body

for number in range(5):
    s3.put_object(Bucket=BUCKET, Key=f"page/{number}", Body=b"x")
pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="page/", PaginationConfig={"PageSize": 2})
pages = [[found["Key"] for found in page["Contents"]] for page in pages]
assert pages == [["page/0", "page/1"], ["page/2", "page/3"], ["page/4"]], pages

s3.delete_object(Bucket=BUCKET, Key="plain")
assert refused(s3.head_object, Bucket=BUCKET, Key="plain") == 404
print("all good")
