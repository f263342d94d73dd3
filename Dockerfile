# The commands of terna in an image, encode and demo among them: docs/serving.md
ARG PYTHON=3.11
FROM python:${PYTHON}-slim

# the address of an index with torch's builds for one kind of machine, CPU or a CUDA; empty: pip's own index
ARG TORCH_INDEX=""

WORKDIR /opt/terna
COPY requirements.lock ./
RUN grep '^torch==' requirements.lock > torch.txt \
    && pip install --no-cache-dir ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} --requirement torch.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
# the lock has the developers' packages too: it says which versions, pyproject.toml which packages
RUN pip install --no-cache-dir --constraint requirements.lock . \
    && useradd --create-home --uid 1000 terna

USER 1000
WORKDIR /project
ENTRYPOINT ["python", "-m", "terna"]
CMD ["--help"]
