
s3.put_object(Bucket=BUCKET, Key="a", Body=b"hello", ContentType="text/html")
s3.put_object(Bucket=BUCKET, Key="b", Body=b"secret")

wrong = client("another secret")
assert refused(wrong.get_object, Bucket=BUCKET, Key="a") == 403
assert refused(wrong.put_object, Bucket=BUCKET, Key="a", Body=b"x") == 403
assert refused(wrong.list_objects_v2, Bucket=BUCKET) == 403
assert fetch(f"{URL}/{BUCKET}/a")[0] == 403

named = {"Bucket": BUCKET, "Key": "a", "ResponseContentDisposition": "attachment; filename=page.html"}
url = s3.generate_presigned_url("get_object", Params=named, ExpiresIn=60)
status, headers, body = fetch(url)
assert (status, body) == (200, b"hello"), (status, body)
assert headers["Content-Disposition"] == "attachment; filename=page.html", headers

for changed in [
    url.replace(f"/{BUCKET}/a?", f"/{BUCKET}/b?"),
    url.replace("attachment", "inline"),
    url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
    url.replace("X-Amz-Signature=", "X-Amz-Signature=0"),
    url[:-1] + ("0" if url[-1] != "0" else "1"),
    url.split("&X-Amz-Signature")[0],
    wrong.generate_presigned_url("get_object", Params=named, ExpiresIn=60),
]:
    assert changed != url
    status, _, body = fetch(changed)
    assert 400 <= status < 500, (changed, status)
    assert b"secret" not in body and b"hello" not in body, body
assert fetch(url, method="DELETE")[0] == 403

put = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "c", "ContentType": "text/plain"})
assert fetch(put, "PUT", b"hello", {"Content-Type": "text/html"})[0] == 403
assert fetch(put.replace(f"/{BUCKET}/c?", f"/{BUCKET}/a?"), "PUT", b"x", {"Content-Type": "text/plain"})[0] == 403
assert refused(s3.head_object, Bucket=BUCKET, Key="c") == 404
assert fetch(put, "PUT", b"hello", {"Content-Type": "text/plain"})[0] == 200
assert s3.get_object(Bucket=BUCKET, Key="a")["Body"].read() == b"hello"
assert s3.get_object(Bucket=BUCKET, Key="c")["Body"].read() == b"hello"
print("all good")
